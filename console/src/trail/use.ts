import { answer, type Event } from '../api/client';
import { type Paged, usePaged } from '../api/paged';
import { useApi } from '../api/use';
import { rowsOf } from './runs';

/** A page that is full of refusals is one row. */
const seen = (events: Event[]) => rowsOf(events).length;

/** What happened to one of the person's own tokens. */
export function useTokenTrail(id: string): Paged<Event> {
  const { api } = useApi();
  return usePaged(
    ['trail', id],
    async (cursor, signal) => {
      const params = { path: { id }, query: { limit: 100, cursor } };
      const { events, next_cursor } = await answer(api.GET('/tokens/{id}/trail', { params, signal }));
      return { rows: events, next_cursor };
    },
    seen,
  );
}

/** What happened to everybody, or to one person. */
export function useAdminTrail(sub: string): Paged<Event> {
  const { api } = useApi();
  return usePaged(
    ['admin', 'trail', sub],
    async (cursor, signal) => {
      const query = { limit: 100, cursor, sub: sub === '' ? undefined : sub };
      const { events, next_cursor } = await answer(api.GET('/admin/trail', { params: { query }, signal }));
      return { rows: events, next_cursor };
    },
    seen,
  );
}
