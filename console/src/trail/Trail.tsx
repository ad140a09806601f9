import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { Fragment, type ReactNode, useState } from 'react';
import { personAt, tokenAt } from '../admin/address';
import type { Event } from '../api/client';
import type { Paged } from '../api/paged';
import { FailureAlert } from '../app/FailureAlert';
import { PageLink } from '../app/go';
import { exactly } from '../app/Moment';
import { More } from '../app/More';
import { useNarrow } from '../app/narrow';
import { type Texts, useTexts } from '../texts/use';
import { type Row, rowsOf } from './runs';
import { type Draw, refusalsOf, sentenceOf } from './sentence';

/** What happened, newest first. An administrator's leads from each event to the token and the person. */
export function Trail({ of, admin = false, filter }: { of: Paged<Event>; admin?: boolean; filter?: ReactNode }) {
  const texts = useTexts();
  const { t } = texts;
  const narrow = useNarrow();
  const rows = rowsOf(of.rows);
  return (
    <>
      {of.failure && !of.loading && (
        <Box margin={{ bottom: 'm' }}>
          <FailureAlert title={t('trail.failed')} thrown={of.failure} retry={of.more ?? of.refresh} />
        </Box>
      )}
      <Table
        items={rows}
        trackBy="id"
        columnDefinitions={columnsOf(texts, admin, narrow, of.more !== null)}
        expandableRows={useOpening(rows)}
        wrapLines
        loading={of.loading}
        loadingText={t('loading')}
        ariaLabels={{
          tableLabel: t('trail.title'),
          expandButtonLabel: ({ refusals }) => t('trail.open', { count: refusals.length }),
          collapseButtonLabel: () => t('trail.close'),
        }}
        header={
          <Header
            variant="h2"
            description={t('trail.what')}
            actions={
              <Button iconName="refresh" ariaLabel={t('refresh')} loading={of.refreshing} onClick={of.refresh} />
            }
          >
            {t('trail.title')}
          </Header>
        }
        filter={filter}
        empty={<Box textAlign="center">{of.failure ? t('trail.failed') : t('trail.empty')}</Box>}
        footer={of.more ? <More of={of} /> : undefined}
      />
    </>
  );
}

const isRun = (row: Row) => row.refusals.length > 0;

/** Which runs of refusals are open. A table with rows to open answers to other keys: only where there are some. */
function useOpening(rows: readonly Row[]): TableProps.ExpandableRows<Row> | undefined {
  const [opened, setOpened] = useState<readonly Row[]>([]);
  if (!rows.some(isRun)) return undefined;
  return {
    getItemChildren: (row) => row.refusals,
    isItemExpandable: isRun,
    expandedItems: opened,
    onExpandableItemToggle: ({ detail: { item, expanded } }) =>
      setOpened(expanded ? [...opened, item] : opened.filter((row) => row.id !== item.id)),
  };
}

function columnsOf(texts: Texts, admin: boolean, narrow: boolean, more: boolean): TableProps.ColumnDefinition<Row>[] {
  const { t } = texts;
  const draw = drawFor(texts, admin);
  const requestOf = (row: Row) =>
    isRun(row) ? t('trail.requests') : <span className="code">{row.event.data.request_id ?? '–'}</span>;
  const all: TableProps.ColumnDefinition<Row>[] = [
    { id: 'when', header: t('trail.when'), minWidth: narrow ? 130 : 200, cell: (row) => <When row={row} /> },
    {
      id: 'what',
      header: t('trail.event'),
      isRowHeader: true,
      minWidth: 200,
      cell: (row) => (
        <>
          {keyed(
            isRun(row)
              ? refusalsOf(texts, row.event, row.refusals.length, row.open && more, draw)
              : sentenceOf(texts, row.event, draw),
          )}
          {narrow && (
            <Box variant="small" display="block">
              {row.event.data.ip}
              {!isRun(row) && <span className="code"> {row.event.data.request_id}</span>}
            </Box>
          )}
        </>
      ),
    },
    { id: 'from', header: t('trail.from'), minWidth: 120, cell: ({ event }) => event.data.ip ?? '–' },
    { id: 'request', header: t('trail.request'), minWidth: 140, cell: requestOf },
  ];
  return narrow ? all.slice(0, 2) : all;
}

/** An administrator's sentences lead to the token and the person. */
function drawFor({ rich }: Texts, admin: boolean): Draw {
  const person = (sub: string) => (admin ? <PageLink to={personAt(sub)}>{sub}</PageLink> : <b>{sub}</b>);
  return {
    person,
    token: (id, owner) => {
      if (!admin) return <span className="code">{id}</span>;
      const link = <PageLink to={tokenAt(id)}>{id}</PageLink>;
      return owner === undefined ? link : rich('trail.tokenOf', { token: link, owner: person(owner) });
    },
  };
}

/** When it happened; of several refusals the first and the last moment. */
function When({ row: { event, refusals } }: { row: Row }) {
  const { intl } = useTexts();
  const first = refusals.at(-1)?.event.time ?? event.time;
  const at = (time: string) => (
    <time dateTime={time} title={exactly(intl, time)}>
      {intl.formatDate(time, { dateStyle: 'medium', timeStyle: 'medium' })}
    </time>
  );
  if (first === event.time) return at(first);
  return (
    <>
      <div>{at(first)} –</div>
      <div>{at(event.time)}</div>
    </>
  );
}

/** A sentence comes in parts without keys. */
function keyed(parts: ReactNode): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a sentence stay where they are
  return Array.isArray(parts) ? parts.map((part, i) => <Fragment key={i}>{keyed(part)}</Fragment>) : parts;
}
