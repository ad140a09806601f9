import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { type ReactNode, useState } from 'react';
import { type Texts, useTexts } from '../texts/use';
import { type Draft, type Field, MAX_DESCRIPTION, MAX_NAME, type Mistakes } from '../tokens/draft';
import { say } from '../tokens/mistake';

export function wordsOf(texts: Texts, mistakes: Mistakes, field: Field): ReactNode {
  return say(texts, mistakes[field]);
}

interface Props {
  draft: Draft;
  mistakes: Mistakes;
  change(part: Partial<Draft>): void;
}

/** Name and description. */
export function NameFields({ draft, mistakes, change }: Props) {
  const texts = useTexts();
  const { t } = texts;
  return (
    <SpaceBetween size="l">
      <FormField
        label={t('token.name')}
        description={t('field.name.what')}
        constraintText={t('field.name.limits', { max: MAX_NAME })}
        errorText={wordsOf(texts, mistakes, 'name')}
      >
        <div data-field="name">
          <Input
            value={draft.name}
            autoComplete={false}
            spellcheck={false}
            ariaRequired
            onChange={({ detail }) => change({ name: detail.value })}
          />
        </div>
      </FormField>
      <FormField
        label={<Optional>{t('token.description')}</Optional>}
        description={t('field.description.what')}
        constraintText={t('field.description.limits', { max: MAX_DESCRIPTION })}
        errorText={wordsOf(texts, mistakes, 'description')}
      >
        <div data-field="description">
          <Textarea
            rows={2}
            value={draft.description}
            onChange={({ detail }) => change({ description: detail.value })}
          />
        </div>
      </FormField>
    </SpaceBetween>
  );
}

/** What few need: from which networks the token works. */
export function MoreFields({ draft, mistakes, change }: Props) {
  const texts = useTexts();
  const { t } = texts;
  const wrong = mistakes.allowed_cidrs;
  const [open, setOpen] = useState(draft.networks !== '');
  // What is wrong must be seen, once: the person may fold it again.
  const [seen, setSeen] = useState(wrong);
  if (seen !== wrong) {
    setSeen(wrong);
    if (wrong) setOpen(true);
  }
  return (
    <ExpandableSection headerText={t('more')} expanded={open} onChange={({ detail }) => setOpen(detail.expanded)}>
      <SpaceBetween size="l">
        <FormField
          label={<Optional>{t('token.networks')}</Optional>}
          description={t('field.networks.what')}
          constraintText={t('field.networks.limits')}
          errorText={say(texts, wrong)}
        >
          <div data-field="allowed_cidrs">
            <Textarea
              rows={3}
              spellcheck={false}
              placeholder={'192.0.2.0/24\n2001:db8::/32'}
              value={draft.networks}
              onChange={({ detail }) => change({ networks: detail.value })}
            />
          </div>
        </FormField>
      </SpaceBetween>
    </ExpandableSection>
  );
}

function Optional({ children }: { children: ReactNode }) {
  const { rich } = useTexts();
  return <>{rich('field.optional', { label: children, i: (chunks) => <i key="optional">{chunks}</i> })}</>;
}
