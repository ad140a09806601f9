import type { Event } from '../api/client';

/** A row of the trail: an event, or refusals that differ in their moment alone. */
export interface Row {
  /** Stays as it is while older events arrive. */
  id: string;
  /** Of several the newest. */
  event: Event;
  /** Each of the refusals, newest first; empty where there is one alone. */
  refusals: Row[];
  /** Whether older events may belong to it too. */
  open: boolean;
}

/**
 * Puts refusals of one token, for one reason and from one address, into one row, at
 * the place of the newest: a job that goes on with a dead token makes one a minute.
 * Only other refusals may lie between them, so that two such jobs are two rows, and
 * what a person did stays where it was. The events are newest first.
 */
export function rowsOf(events: readonly Event[]): Row[] {
  const rows: Row[] = [];
  let alike = new Map<string, Row>();
  for (const event of events) {
    const single = { id: event.id, event, refusals: [], open: false };
    if (event.type !== 'counterfoil.token.refused') {
      alike = new Map();
      rows.push(single);
      continue;
    }
    const { token_id, reason, ip } = event.data;
    const key = JSON.stringify([token_id, reason, ip]);
    const there = alike.get(key);
    if (!there) {
      const row: Row = { ...single, id: `${event.id} and before`, refusals: [single] };
      alike.set(key, row);
      rows.push(row);
    } else there.refusals.push(single);
  }
  for (const row of alike.values()) row.open = true;
  return rows.map((row) => (row.refusals.length === 1 ? { ...row, refusals: [] } : row));
}
