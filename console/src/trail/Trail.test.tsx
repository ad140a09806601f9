import { screen, within } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import type { Event } from '../api/client';
import { day, event, token } from '../testing/sample';
import { FakeServer } from '../testing/server';
import { show } from '../testing/show';

const ID = '4gT2a00042';
const TOKEN = `${ID} of alice`;
const ours = { token_id: ID, owner: 'alice' };
const root = { kind: 'admin', sub: 'root' } as const;

function trail(events: Event[], path = '/admin/trail', language: 'en' | 'it' = 'en') {
  const server = new FakeServer([token({ id: ID, name: 'ci' })]);
  server.me = { ...server.me, groups: ['admins'] };
  server.events = events;
  return show(path, { server, language });
}

/** What the table says of the events. */
async function sentences(): Promise<(string | null)[]> {
  const rows = within(await screen.findByRole('table'));
  return (await rows.findAllByRole('rowheader')).map((cell) => cell.textContent);
}

describe('a sentence', () => {
  const cases: [Event, string][] = [
    [event('token.created', ours), `alice created the token ${TOKEN}.`],
    [
      event('token.updated', { ...ours, changed: ['name', 'scopes'] }),
      `alice changed the token ${TOKEN}: Name and Permissions.`,
    ],
    [event('token.updated', ours), `alice saved the token ${TOKEN} as it was.`],
    [event('token.rotated', ours), `alice gave the token ${TOKEN} a new value.`],
    [event('token.revoked', { ...ours, by: root }), `root (administrator) deleted the token ${TOKEN}.`],
    [event('token.revoked', { ...ours, by: { kind: 'holder' } }), `Whoever held its value deleted the token ${TOKEN}.`],
    [
      event('token.revoked', { ...ours, by: { kind: 'report' } }),
      `Somebody who found it leaked deleted the token ${TOKEN}.`,
    ],
    [
      event('token.new_network', { ...ours, network: '192.0.2.0/24' }),
      `The token ${TOKEN} was used from the network 192.0.2.0/24 for the first time.`,
    ],
    [
      event('token.refused', { ...ours, reason: 'replaced' }),
      `A value of the token ${TOKEN} was refused: the value was replaced by another.`,
    ],
    [event('person.disabled', { owner: 'bob', by: root }), 'root (administrator) disabled bob.'],
    [event('person.enabled', { owner: 'bob', by: root }), 'root (administrator) enabled bob.'],
    [event('person.tokens_revoked', { owner: 'bob', by: root }), 'root (administrator) deleted all tokens of bob.'],
    [
      event('policy.changed', { by: root, changed: ['max_idle_days'] }),
      'root (administrator) changed the policy: Stop unused tokens.',
    ],
    [event('policy.changed', { by: root }), 'root (administrator) saved the policy as it was.'],
    [event('item.unreadable', { by: { kind: 'system' } }), 'What is kept of something cannot be read.'],
    [event('something.newer'), 'counterfoil.something.newer'],
  ];

  test('says what happened, for every type', async () => {
    trail(cases.map(([e]) => e));
    expect(await sentences()).toEqual(cases.map(([, sentence]) => sentence));
  });

  test('warns of an end, and of a stop', async () => {
    const soon = { ...ours, days: 7 as const, ends_at: day(7), by: { kind: 'system' as const } };
    trail([event('token.expiring', soon), event('token.idling', soon)]);
    const [expiring, idling] = await sentences();
    expect(expiring).toContain(`The token ${TOKEN} expires in 7 days: on December 1, 2026`);
    expect(idling).toContain(`The token ${TOKEN} is stopped in 7 days unless it is used: on December 1, 2026`);
  });

  test('is Italian for an Italian', async () => {
    trail([event('token.created', ours)], '/admin/trail', 'it');
    expect(await sentences()).toEqual([`alice ha creato il token ${ID} di alice.`]);
  });
});

describe('refusals', () => {
  const refused = (minutes: number, data: Partial<Event['data']> = {}) =>
    event('token.refused', { ...ours, reason: 'revoked', ip: '192.0.2.7', ...data }, day(0, -minutes * 60_000));
  const run = (count: number) => Array.from({ length: count }, (_, i) => refused(i, { request_id: `request-${i}` }));
  const reason = (word: string) => word as Event['data']['reason'];
  const cells = async () =>
    within(await screen.findByRole('treegrid'))
      .getAllByRole('rowheader')
      .map((cell) => cell.textContent);

  test('alike are one row, from the first moment to the last, and open to each of them', async () => {
    const { person } = trail([...run(37), event('token.revoked', ours)]);
    const many = `The token ${TOKEN} was refused 37 times: the token was deleted.`;
    expect(await cells()).toEqual([many, `alice deleted the token ${TOKEN}.`]);
    const moments = [...(screen.getAllByRole('row')[1]?.querySelectorAll('time') ?? [])].map((time) => time.dateTime);
    expect(moments).toEqual([day(0, -36 * 60_000), day(0)]);
    expect(screen.queryByText('request-5')).toBeNull();

    await person.click(screen.getByRole('button', { name: 'Show each of 37 refusals' }));
    const each = `A value of the token ${TOKEN} was refused: the token was deleted.`;
    expect(await cells()).toEqual([many, ...Array(37).fill(each), `alice deleted the token ${TOKEN}.`]);
    expect(screen.getByText('request-5')).toBeTruthy();

    await person.click(screen.getByRole('button', { name: 'Show the refusals as one' }));
    expect(await cells()).toHaveLength(2);
  });

  test('are at least so many while older events may be more of them, and some pages go by at a time', async () => {
    const server = new FakeServer([token({ id: ID, name: 'ci' })]);
    server.events = [...run(55), event('token.created', ours)];
    server.pageSize = 3;
    const { person } = show(`/tokens/${ID}`, { server });
    await screen.findByText(/at least 30 times/);
    await screen.findByRole('button', { name: 'Load more' });
    expect(await cells()).toEqual([`The token ${ID} was refused at least 30 times: the token was deleted.`]);
    await person.click(screen.getByRole('button', { name: 'Show each of 30 refusals' }));
    await person.click(screen.getByRole('button', { name: 'Load more' }));
    await screen.findByText(/created the token/);
    // What was open is open, with what came.
    expect(await cells()).toHaveLength(1 + 55 + 1);
    expect((await cells())[0]).toBe(`The token ${ID} was refused 55 times: the token was deleted.`);
  });

  test.each([
    ['insufficient_scope', 'it lacked the permission that was needed'],
    ['forbidden', 'tokens are not allowed there'],
    ['something_newer', 'something_newer'],
  ])('for %s say why', async (word, why) => {
    trail([refused(0, { reason: reason(word) })]);
    expect(await sentences()).toEqual([`A value of the token ${TOKEN} was refused: ${why}.`]);
  });

  test('are told in Italian', async () => {
    trail([...run(2), refused(3, { reason: 'forbidden' })], '/admin/trail', 'it');
    expect(await cells()).toEqual([
      `Il token ${ID} di alice è stato rifiutato 2 volte: il token era eliminato.`,
      `Un valore del token ${ID} di alice è stato rifiutato: i token non vi sono ammessi.`,
    ]);
    expect(screen.getByRole('button', { name: 'Mostra ciascuno dei 2 rifiuti' })).toBeTruthy();
  });
});

describe('an administrator’s trail', () => {
  test('leads to the token and the person, and says from where and by which request', async () => {
    trail([event('token.created', { ...ours, ip: '192.0.2.7', request_id: 'request-7' })]);
    const link = await screen.findByRole('link', { name: ID });
    expect(link.getAttribute('href')).toBe(`/admin/tokens?id=${ID}`);
    expect(screen.getAllByRole('link', { name: 'alice' })[0]?.getAttribute('href')).toBe('/admin/people?sub=alice');
    expect(screen.getByText('192.0.2.7')).toBeTruthy();
    expect(screen.getByText('request-7')).toBeTruthy();
  });

  test('is one person’s when their subject stands in the address', async () => {
    const { person, address, server } = trail([
      event('token.created', ours),
      event('person.disabled', { owner: 'a|b/1', by: root }),
    ]);
    expect(await sentences()).toHaveLength(2);
    await person.type(screen.getByRole('searchbox'), 'a|b/1{Enter}');
    await screen.findByRole('link', { name: 'a|b/1' });
    expect(address()).toBe('/admin/trail?sub=a%7Cb%2F1');
    expect(await sentences()).toEqual(['root (administrator) disabled a|b/1.']);
    expect(server.callsOf('GET /admin/trail').at(-1)?.query).toContain('sub=a%7Cb%2F1');
  });

  test('goes on page by page, past pages that are short', async () => {
    const { server, person } = trail([]);
    server.events = Array.from({ length: 30 }, () => event('token.created', ours));
    server.pageSize = 7;
    await screen.findByRole('button', { name: 'Load more' });
    expect(await sentences()).toHaveLength(21); // three short ones by themselves
    await person.click(screen.getByRole('button', { name: 'Load more' }));
    expect((await sentences()).length).toBeGreaterThan(21);
  });

  test('that cannot be read says so, and can be tried again', async () => {
    const server = new FakeServer();
    server.me = { ...server.me, groups: ['admins'] };
    server.refuse('GET /admin/trail', 503, 'unavailable', {}, 3);
    const { person } = show('/admin/trail', { server });
    await screen.findAllByText('The trail cannot be read');
    await person.click(screen.getByRole('button', { name: 'Try again' }));
    await screen.findByText('Nothing has happened yet.');
  });
});

describe('the trail of one’s own token', () => {
  test('stands on its page, without the ways of an administrator', async () => {
    const other = event('token.created', { token_id: '4gT2a00043', owner: 'alice' });
    trail([event('token.rotated', ours), other], `/tokens/${ID}`);
    expect(await sentences()).toEqual([`alice gave the token ${ID} a new value.`]);
    expect(screen.queryByRole('link', { name: ID })).toBeNull();
  });
});
