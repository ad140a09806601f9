import type { TableProps } from '@cloudscape-design/components/table';
import type { Token } from '../api/client';
import { PageLink } from '../app/go';
import { Ago } from '../app/Moment';
import type { Texts } from '../texts/use';
import { Ends } from '../tokens/Ends';
import { LastUsed } from '../tokens/LastUsed';
import { Status } from '../tokens/Status';
import { usedOf } from '../tokens/used';
import { personAt, tokenAt } from './address';

/** The columns of everybody's tokens, as data. */
export function columnsOf({ t }: Texts, narrow: boolean): TableProps.ColumnDefinition<Token>[] {
  const all: TableProps.ColumnDefinition<Token>[] = [
    {
      id: 'name',
      header: t('token.name'),
      isRowHeader: true,
      minWidth: 150,
      cell: (token) => <PageLink to={tokenAt(token.id)}>{token.name}</PageLink>,
    },
    {
      id: 'owner',
      header: t('token.owner'),
      minWidth: 120,
      cell: (token) => <PageLink to={personAt(token.owner)}>{token.owner}</PageLink>,
    },
    { id: 'status', header: t('token.status'), minWidth: 130, cell: (token) => <Status token={token} /> },
    {
      id: 'scopes',
      header: t('token.scopes'),
      minWidth: 150,
      cell: (token) => (
        <span title={token.scopes.join('\n')}>
          {t('scopes.use', { granted: token.scopes.length, used: usedOf(token).length })}
        </span>
      ),
    },
    { id: 'created', header: t('token.created'), minWidth: 120, cell: (token) => <Ago at={token.created_at} /> },
    { id: 'expires', header: t('token.expires'), minWidth: 130, cell: (token) => <Ends token={token} /> },
    { id: 'used', header: t('token.used'), minWidth: 120, cell: (token) => <LastUsed token={token} /> },
  ];
  return narrow ? all.slice(0, 3) : all;
}
