import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { deleteAnyToken } from '../api/change';
import type { Token } from '../api/client';
import { FailureAlert } from '../app/FailureAlert';
import { More } from '../app/More';
import { useNarrow } from '../app/narrow';
import { DeleteTokens } from '../remove/DeleteTokens';
import { useTexts } from '../texts/use';
import { columnsOf } from './columns';
import { Find } from './Find';
import { STATUSES, type StatusFilter, useAllTokens } from './use';

const NAMES = {
  all: 'view.all',
  active: 'view.active',
  disabled: 'view.disabled',
  expired: 'view.expired',
  revoked: 'view.revoked',
} as const;

/** Everybody's tokens, narrowed by what stands in the address, to be looked at and deleted. */
export function AllTokens() {
  const texts = useTexts();
  const { t } = texts;
  const narrow = useNarrow();
  const [params, setParams] = useSearchParams();
  const owner = params.get('owner') ?? '';
  const status = STATUSES.find((s) => s === params.get('status')) ?? 'all';
  const list = useAllTokens(owner, status);
  const [chosen, setChosen] = useState<Token[]>([]);
  const [removing, setRemoving] = useState<Token[] | null>(null);
  // The list may have changed since: what is gone cannot be chosen.
  const selected = list.rows.filter((row) => row.status !== 'revoked' && chosen.some((c) => c.id === row.id));

  const narrowTo = (filters: { owner?: string; status?: StatusFilter }) => {
    const next = new URLSearchParams();
    const { owner: by, status: of } = { owner, status, ...filters };
    if (by !== '') next.set('owner', by);
    if (of !== 'all') next.set('status', of);
    setChosen([]);
    setParams(next, { replace: true, preventScrollReset: true });
  };
  const options = STATUSES.map((s) => ({ value: s, label: t(NAMES[s]) }));

  return (
    <>
      {list.failure && !list.loading && (
        <Box margin={{ bottom: 'm' }}>
          <FailureAlert title={t('admin.tokens.failed')} thrown={list.failure} retry={list.more ?? list.refresh} />
        </Box>
      )}
      <Table
        items={list.rows}
        trackBy="id"
        columnDefinitions={columnsOf(texts, narrow)}
        wrapLines
        enableKeyboardNavigation
        loading={list.loading}
        loadingText={t('loading')}
        selectionType="multi"
        selectedItems={selected}
        onSelectionChange={({ detail }) => setChosen(detail.selectedItems)}
        isItemDisabled={(token) => token.status === 'revoked'}
        ariaLabels={{
          tableLabel: t('admin.tokens'),
          selectionGroupLabel: t('tokens.selection'),
          allItemsSelectionLabel: () => t('tokens.selectAll'),
          itemSelectionLabel: (_, token) => t('admin.tokens.select', { name: token.name, owner: token.owner }),
        }}
        header={
          <Header
            variant="h2"
            counter={list.loading ? undefined : `(${list.rows.length}${list.more ? '+' : ''})`}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel={t('refresh')} loading={list.refreshing} onClick={list.refresh} />
                <Button disabled={selected.length === 0} onClick={() => setRemoving(selected)}>
                  {selected.length > 1 ? t('delete.several', { count: selected.length }) : t('delete')}
                </Button>
              </SpaceBetween>
            }
          >
            {t('admin.tokens')}
          </Header>
        }
        filter={
          <SpaceBetween size="s" direction={narrow ? 'vertical' : 'horizontal'}>
            <Find label={t('token.owner')} value={owner} find={(sub) => narrowTo({ owner: sub })} />
            <FormField label={t('token.status')}>
              <Select
                options={options}
                selectedOption={options.find((o) => o.value === status) ?? null}
                onChange={({ detail }) => narrowTo({ status: detail.selectedOption.value as StatusFilter })}
              />
            </FormField>
          </SpaceBetween>
        }
        empty={<Box textAlign="center">{list.failure ? t('admin.tokens.failed') : t('admin.tokens.none')}</Box>}
        footer={list.more ? <More of={list} /> : undefined}
      />
      {removing && (
        <DeleteTokens
          tokens={removing}
          remove={deleteAnyToken}
          nameOf={(token) => t('admin.tokens.of', { name: token.name, owner: token.owner })}
          close={() => {
            setRemoving(null);
            setChosen([]);
          }}
        />
      )}
    </>
  );
}
