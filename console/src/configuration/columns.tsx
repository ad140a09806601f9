import Box from '@cloudscape-design/components/box';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import type { TableProps } from '@cloudscape-design/components/table';
import type { Token } from '../api/client';
import { PageLink } from '../app/go';
import { Day } from '../app/Moment';
import type { Texts } from '../texts/use';
import type { Sort } from '../tokens/arrange';
import { Ends } from '../tokens/Ends';
import { LastUsed } from '../tokens/LastUsed';
import { Status } from '../tokens/Status';
import { isAlive } from '../tokens/standing';

/** What a person does with one row. */
export type Act = 'rotate' | 'edit' | 'duplicate' | 'delete';

interface Around {
  now: number;
  narrow: boolean;
  act(what: Act, token: Token): void;
}

/** The columns, as data. A sortable one's sortingField is a Sort. */
export function columnsOf({ t, intl }: Texts, { now, narrow, act }: Around): TableProps.ColumnDefinition<Token>[] {
  const sorting = (sort: Sort) => ({ sortingField: sort });
  const all: TableProps.ColumnDefinition<Token>[] = [
    {
      id: 'name',
      header: t('token.name'),
      isRowHeader: true,
      minWidth: 160,
      cell: (token) => (
        <>
          <div>
            <PageLink to={`/tokens/${token.id}`}>{token.name}</PageLink>
          </div>
          {narrow && <Status token={token} />}
          {token.description !== '' && !narrow && (
            <Box variant="small" display="block">
              {token.description.length > 60 ? `${token.description.slice(0, 60)}…` : token.description}
            </Box>
          )}
        </>
      ),
      ...sorting('name'),
    },
    {
      id: 'status',
      header: t('token.status'),
      minWidth: 170,
      cell: (token) => <Status token={token} />,
      ...sorting('status'),
    },
    {
      id: 'scopes',
      header: t('token.scopes'),
      minWidth: 160,
      cell: (token) => <span title={token.scopes.join('\n')}>{scopesOf(token, intl.formatNumber)}</span>,
    },
    {
      id: 'created',
      header: t('token.created'),
      minWidth: 130,
      cell: (token) => <Day at={token.created_at} />,
      ...sorting('created'),
    },
    {
      id: 'expires',
      header: t('token.expires'),
      minWidth: 140,
      cell: (token) => <Ends token={token} />,
      ...sorting('expires'),
    },
    {
      id: 'used',
      header: t('token.used'),
      minWidth: 130,
      cell: (token) => <LastUsed token={token} />,
      ...sorting('used'),
    },
    {
      id: 'actions',
      header: t('token.actions'),
      minWidth: 90,
      cell: (token) => {
        const alive = isAlive(token, now);
        const works = token.status === 'active' && alive;
        return (
          <ButtonDropdown
            variant="inline-icon"
            expandToViewport
            ariaLabel={t('token.actionsOf', { name: token.name })}
            items={[
              {
                id: 'rotate',
                text: t('rotate'),
                disabled: !works,
                disabledReason: works ? undefined : t('rotate.notActive'),
              },
              { id: 'edit', text: t('edit'), disabled: !alive, disabledReason: alive ? undefined : t('edit.dead') },
              { id: 'duplicate', text: t('duplicate') },
              {
                id: 'delete',
                text: t('delete'),
                disabled: token.status === 'revoked',
                disabledReason: token.status === 'revoked' ? t('delete.revoked') : undefined,
              },
            ]}
            onItemClick={({ detail }) => act(detail.id as Act, token)}
          />
        );
      },
    },
  ];
  // A phone shows how each stands; everything else is on its own page.
  return narrow ? all.filter((c) => c.id === 'name') : all;
}

/** The first few; the rest on hover and on the token's own page. */
function scopesOf(token: Token, number: (n: number) => string): string {
  const shown = token.scopes.slice(0, 3).join(', ');
  return token.scopes.length > 3 ? `${shown} +${number(token.scopes.length - 3)}` : shown;
}
