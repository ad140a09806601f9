import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import ToggleButton from '@cloudscape-design/components/toggle-button';
import { useMemo, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import type { Token } from '../api/client';
import { useTokens } from '../api/use';
import { FailureAlert } from '../app/FailureAlert';
import { useGo } from '../app/go';
import { useNarrow } from '../app/narrow';
import { useNow } from '../app/now';
import { duplicateOf } from '../create/address';
import { DeleteTokens } from '../remove/DeleteTokens';
import { useTexts } from '../texts/use';
import { arrange, INITIAL, type Query, readQuery, SORTS, VIEWS, type View, writeQuery } from '../tokens/arrange';
import { type Act, columnsOf } from './columns';
import { NoMatch, NoTokens } from './Empty';

/** The person's tokens: counted, searched, sorted, paged; what is chosen stands in the address. */
export function TokenTable() {
  const texts = useTexts();
  const { t, intl } = texts;
  const now = useNow();
  const narrow = useNarrow();
  const go = useGo();
  const navigate = useNavigate();
  const list = useTokens();
  const [params, setParams] = useSearchParams();
  const [chosen, setChosen] = useState<Token[]>([]);
  const [removing, setRemoving] = useState<Token[] | null>(null);

  const query = useMemo(() => readQuery(params), [params]);
  const arranged = useMemo(() => arrange(list.tokens, query, now), [list.tokens, query, now]);
  const change = (part: Partial<Query>) => {
    setChosen([]);
    setParams(writeQuery({ ...query, page: 1, ...part }), { replace: true, preventScrollReset: true });
  };

  const act = (what: Act, token: Token) => {
    if (what === 'delete') setRemoving([token]);
    else if (what === 'duplicate') navigate(duplicateOf(token));
    else navigate(`/tokens/${token.id}?do=${what}`);
  };
  const columns = columnsOf(texts, { now, narrow, act });
  // The list may have changed since: what is gone cannot be chosen.
  const selected = arranged.rows.filter((row) => chosen.some((c) => c.id === row.id));

  const none = list.tokens.length === 0 && !list.partial;
  const count = (view: View) => intl.formatNumber(arranged.counts[view]) + (list.partial ? '+' : '');
  const views = VIEWS.filter((v) => v !== 'disabled' || arranged.counts.disabled > 0 || query.view === 'disabled');

  return (
    <>
      {list.failure && !list.loading && (
        <FailureAlert title={t('list.failed')} thrown={list.failure} retry={list.refresh} />
      )}
      {arranged.counts.disabled > 0 && (
        <Box margin={{ bottom: 'm' }}>
          <Alert
            type="warning"
            action={<Button onClick={() => change({ view: 'disabled' })}>{t('disabled.show')}</Button>}
          >
            {t('disabled.what', { count: arranged.counts.disabled })}
          </Alert>
        </Box>
      )}
      <Table
        variant="container"
        items={arranged.rows}
        trackBy="id"
        columnDefinitions={columns}
        wrapLines
        enableKeyboardNavigation
        loading={list.loading}
        loadingText={t('loading')}
        selectionType={none ? undefined : 'multi'}
        selectedItems={selected}
        onSelectionChange={({ detail }) => setChosen(detail.selectedItems)}
        isItemDisabled={(token) => token.status === 'revoked'}
        sortingColumn={columns.find((c) => c.sortingField === query.sort)}
        sortingDescending={query.descending}
        onSortingChange={({ detail }) => {
          const sort = SORTS.find((s) => s === detail.sortingColumn.sortingField);
          if (sort) change({ sort, descending: detail.isDescending ?? false });
        }}
        ariaLabels={{
          tableLabel: t('tokens.title'),
          selectionGroupLabel: t('tokens.selection'),
          allItemsSelectionLabel: () => t('tokens.selectAll'),
          itemSelectionLabel: (_, token) => t('tokens.select', { name: token.name }),
        }}
        renderAriaLive={({ totalItemsCount, firstIndex, lastIndex }) =>
          t('tokens.live', { total: totalItemsCount ?? arranged.matches, first: firstIndex, last: lastIndex })
        }
        totalItemsCount={arranged.matches}
        firstIndex={(arranged.page - 1) * 20 + 1}
        header={
          <Header
            variant="h2"
            counter={list.loading ? undefined : `(${count('active')})`}
            description={t('tokens.what')}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel={t('refresh')} loading={list.refreshing} onClick={list.refresh} />
                <Button disabled={selected.length === 0} onClick={() => setRemoving(selected)}>
                  {selected.length > 1 ? t('delete.several', { count: selected.length }) : t('delete')}
                </Button>
                <Button variant="primary" {...go('/tokens/new')}>
                  {t('create')}
                </Button>
              </SpaceBetween>
            }
          >
            {t('tokens.title')}
          </Header>
        }
        filter={
          none ? undefined : (
            <SpaceBetween size="s">
              {/* biome-ignore lint/a11y/useSemanticElements: a group of buttons, not of fields */}
              <div role="group" aria-label={t('views')} className="views">
                {views.map((v) => (
                  <ToggleButton key={v} pressed={v === query.view} onChange={() => change({ view: v })}>
                    {t('view.count', { view: t(`view.${v}`), count: count(v) })}
                  </ToggleButton>
                ))}
              </div>
              <TextFilter
                filteringText={query.search}
                filteringAriaLabel={t('search')}
                filteringPlaceholder={t('search')}
                filteringClearAriaLabel={t('search.clear')}
                countText={query.search === '' ? undefined : t('search.matches', { count: arranged.matches })}
                onChange={({ detail }) => change({ search: detail.filteringText })}
              />
            </SpaceBetween>
          )
        }
        pagination={
          arranged.pages > 1 || list.more ? (
            <Pagination
              currentPageIndex={arranged.page}
              pagesCount={arranged.pages}
              openEnd={list.more !== null}
              ariaLabels={{
                nextPageLabel: t('page.next'),
                previousPageLabel: t('page.previous'),
                pageLabel: (page) => t('page.number', { page }),
              }}
              onChange={({ detail }) => change({ page: detail.currentPageIndex })}
              onNextPageClick={({ detail }) => {
                if (!detail.requestedPageAvailable) list.more?.();
              }}
            />
          ) : undefined
        }
        empty={
          list.failure ? (
            <Box textAlign="center">{t('list.failed')}</Box>
          ) : none ? (
            <NoTokens />
          ) : (
            <NoMatch clear={() => change({ ...INITIAL, view: query.search === '' ? 'all' : query.view })} />
          )
        }
      />
      {removing && (
        <DeleteTokens
          tokens={removing}
          close={() => {
            setRemoving(null);
            setChosen([]);
          }}
        />
      )}
    </>
  );
}
