import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { Fragment, type ReactNode } from 'react';
import { personAt, tokenAt } from '../admin/address';
import type { Event } from '../api/client';
import type { Paged } from '../api/paged';
import { FailureAlert } from '../app/FailureAlert';
import { PageLink } from '../app/go';
import { exactly } from '../app/Moment';
import { More } from '../app/More';
import { useNarrow } from '../app/narrow';
import { type Texts, useTexts } from '../texts/use';
import { sentenceOf } from './sentence';

/** What happened, newest first. An administrator's leads from each event to the token and the person. */
export function Trail({ of, admin = false, filter }: { of: Paged<Event>; admin?: boolean; filter?: ReactNode }) {
  const texts = useTexts();
  const { t } = texts;
  const narrow = useNarrow();
  return (
    <>
      {of.failure && !of.loading && (
        <Box margin={{ bottom: 'm' }}>
          <FailureAlert title={t('trail.failed')} thrown={of.failure} retry={of.more ?? of.refresh} />
        </Box>
      )}
      <Table
        items={of.rows}
        trackBy="id"
        columnDefinitions={columnsOf(texts, admin, narrow)}
        wrapLines
        loading={of.loading}
        loadingText={t('loading')}
        ariaLabels={{ tableLabel: t('trail.title') }}
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

function columnsOf(texts: Texts, admin: boolean, narrow: boolean): TableProps.ColumnDefinition<Event>[] {
  const { t, rich, intl } = texts;
  const person = (sub: string) => (admin ? <PageLink to={personAt(sub)}>{sub}</PageLink> : <b>{sub}</b>);
  const token = (id: string, owner?: string) => {
    if (!admin) return <span className="code">{id}</span>;
    const link = <PageLink to={tokenAt(id)}>{id}</PageLink>;
    return owner === undefined ? link : rich('trail.tokenOf', { token: link, owner: person(owner) });
  };
  const all: TableProps.ColumnDefinition<Event>[] = [
    {
      id: 'when',
      header: t('trail.when'),
      minWidth: 130,
      cell: ({ time }) => (
        <time dateTime={time} title={exactly(intl, time)}>
          {intl.formatDate(time, { dateStyle: 'medium', timeStyle: 'medium' })}
        </time>
      ),
    },
    {
      id: 'what',
      header: t('trail.event'),
      isRowHeader: true,
      minWidth: 200,
      cell: (event) => (
        <>
          {keyed(sentenceOf(texts, event, { token, person }))}
          {narrow && (
            <Box variant="small" display="block">
              {event.data.ip}
              <span className="code"> {event.data.request_id}</span>
            </Box>
          )}
        </>
      ),
    },
    { id: 'from', header: t('trail.from'), minWidth: 120, cell: ({ data }) => data.ip ?? '–' },
    {
      id: 'request',
      header: t('trail.request'),
      minWidth: 140,
      cell: ({ data }) => <span className="code">{data.request_id ?? '–'}</span>,
    },
  ];
  return narrow ? all.slice(0, 2) : all;
}

/** A sentence comes in parts without keys. */
function keyed(parts: ReactNode): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a sentence stay where they are
  return Array.isArray(parts) ? parts.map((part, i) => <Fragment key={i}>{keyed(part)}</Fragment>) : parts;
}
