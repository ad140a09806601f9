import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Checkbox from '@cloudscape-design/components/checkbox';
import FormField from '@cloudscape-design/components/form-field';
import SpaceBetween from '@cloudscape-design/components/space-between';
import TextFilter from '@cloudscape-design/components/text-filter';
import { type ReactNode, useState } from 'react';
import type { Scope } from '../api/client';
import { useTexts } from '../texts/use';
import { CatalogueText } from '../tokens/CatalogueText';
import { type Category, categoriesOf } from '../tokens/draft';

/** From so many scopes on one searches for them. */
const MANY = 15;

interface Props {
  scopes: readonly Scope[];
  chosen: readonly string[];
  error?: ReactNode;
  change(chosen: string[]): void;
}

/** The permissions of a token, grouped and described. */
export function Permissions({ scopes, chosen, error, change }: Props) {
  const { t } = useTexts();
  const [search, setSearch] = useState('');
  const words = search.toLocaleLowerCase();
  const matches = (s: Scope) => `${s.name} ${s.description} ${s.category}`.toLocaleLowerCase().includes(words);
  const set = (names: string[], on: boolean) =>
    change(on ? [...new Set([...chosen, ...names])] : chosen.filter((c) => !names.includes(c)));
  return (
    <FormField
      label={t('permissions.title')}
      description={t('permissions.what')}
      constraintText={t('permissions.chosen', { count: chosen.length })}
      errorText={error}
      stretch
    >
      <div data-field="scopes">
        <SpaceBetween size="l">
          {scopes.length >= MANY && (
            <TextFilter
              filteringText={search}
              filteringAriaLabel={t('permissions.search')}
              filteringPlaceholder={t('permissions.search')}
              onChange={({ detail }) => setSearch(detail.filteringText)}
            />
          )}
          {categoriesOf(scopes.filter(matches)).map((category) => (
            <Group key={category.name} category={category} chosen={chosen} set={set} />
          ))}
        </SpaceBetween>
      </div>
    </FormField>
  );
}

function Group({
  category,
  chosen,
  set,
}: {
  category: Category;
  chosen: readonly string[];
  set(names: string[], on: boolean): void;
}) {
  const { t, rich } = useTexts();
  const names = category.scopes.map((s) => s.name);
  const on = names.filter((n) => chosen.includes(n)).length;
  return (
    <fieldset className="group">
      <legend className="hidden" lang="">
        {category.name}
      </legend>
      <SpaceBetween size="xs">
        <Checkbox
          checked={on === names.length}
          indeterminate={on > 0 && on < names.length}
          onChange={({ detail }) => set(names, detail.checked)}
        >
          <Box fontWeight="bold" display="inline">
            {rich('permissions.group', { name: <CatalogueText>{category.name}</CatalogueText> })}
          </Box>
        </Checkbox>
        <Box padding={{ left: 'xl' }}>
          <SpaceBetween size="xs">
            {category.scopes.map((scope) => (
              <Checkbox
                key={scope.name}
                checked={chosen.includes(scope.name)}
                description={<CatalogueText>{scope.description}</CatalogueText>}
                onChange={({ detail }) => set([scope.name], detail.checked)}
              >
                <span className="code">{scope.name}</span>{' '}
                {scope.sensitive && <Badge color="severity-medium">{t('permissions.sensitive')}</Badge>}
              </Checkbox>
            ))}
          </SpaceBetween>
        </Box>
      </SpaceBetween>
    </fieldset>
  );
}
