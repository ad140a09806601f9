import { describe, expect, test } from 'vitest';
import type { Event } from '../api/client';
import { day, event } from '../testing/sample';
import { rowsOf } from './runs';

const refused = (data: Partial<Event['data']> = {}, minutes = 0) =>
  event(
    'token.refused',
    { by: { kind: 'holder' }, token_id: '4gT2a00042', owner: 'alice', reason: 'revoked', ip: '192.0.2.7', ...data },
    day(0, -minutes * 60_000),
  );
const counts = (events: Event[]) => rowsOf(events).map((row) => row.refusals.length);

describe('the rows of a trail', () => {
  test('are the events, where nothing was refused', () => {
    const events = [event('token.revoked'), event('token.rotated'), event('token.rotated'), event('token.created')];
    expect(rowsOf(events)).toEqual(events.map((e) => ({ id: e.id, event: e, refusals: [], open: false })));
    expect(rowsOf([])).toEqual([]);
  });

  test('hold refusals of one token, reason and address as one, newest first', () => {
    const run = [refused({}, 1), refused({}, 2), refused({}, 3)] as const;
    const [row, ...more] = rowsOf(run);
    expect(more).toEqual([]);
    expect(row?.event).toBe(run[0]);
    expect(row?.refusals.map((r) => r.event)).toEqual(run);
    expect(row?.refusals.flatMap((r) => r.refusals)).toEqual([]);
  });

  test('hold a single refusal as the event it is', () => {
    const only = refused();
    expect(rowsOf([only])).toMatchObject([{ event: only, refusals: [] }]);
  });

  test.each<[string, Partial<Event['data']>]>([
    ['token', { token_id: '4gT2a00043' }],
    ['reason', { reason: 'expired' }],
    ['address', { ip: '192.0.2.8' }],
    ['address that is not known', { ip: undefined }],
  ])('keep apart what differs in its %s', (_, other) => {
    expect(counts([refused(other), refused()])).toEqual([0, 0]);
  });

  test('of two jobs that take turns are two', () => {
    const other = { token_id: '4gT2a00043' };
    const events = [refused({}, 1), refused(other, 2), refused({}, 3), refused(other, 4), refused({}, 5)];
    expect(rowsOf(events).map((r) => [r.event, r.refusals.length])).toEqual([
      [events[0], 3],
      [events[1], 2],
    ]);
  });

  test('end where something else happened', () => {
    const events = [refused(), refused(), event('token.rotated'), refused(), refused(), refused()];
    expect(counts(events)).toEqual([2, 0, 3]);
  });

  test('are open to older events as far as refusals alone follow', () => {
    const other = { token_id: '4gT2a00043' };
    expect(rowsOf([refused(), event('token.rotated'), refused(), refused(other)]).map((row) => row.open)).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(rowsOf([refused(), event('token.rotated')]).map((row) => row.open)).toEqual([false, false]);
  });

  test('keep their ids while older events arrive, and give no id twice', () => {
    const events = [refused(), refused(), event('token.rotated'), refused(), refused()];
    const ids = (some: Event[]) => rowsOf(some).map((row) => row.id);
    expect(ids(events)[2]).toBe(ids([...events, refused(), event('token.created')])[2]);
    const all = rowsOf(events).flatMap((row) => [row.id, ...row.refusals.map((r) => r.id)]);
    expect(new Set(all).size).toBe(all.length);
  });

  test('lose no event', () => {
    const kinds = [refused, () => refused({ reason: 'expired' }), () => event('token.updated')];
    const events = Array.from({ length: 300 }, (_, i) => (kinds[(i * i + (i >> 3)) % 3] ?? refused)());
    const all = rowsOf(events).flatMap((row) => (row.refusals.length > 0 ? row.refusals : [row]).map((r) => r.event));
    expect(new Set(all)).toEqual(new Set(events));
    expect(all).toHaveLength(events.length);
  });
});
