import { screen, waitFor } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { day, person as profile, token } from '../testing/sample';
import { FakeServer } from '../testing/server';
import { dialog, dialogs, show } from '../testing/show';

const PATCH = 'PATCH /admin/people';
const ALL = 'POST /admin/people/revoke-all';
const BOB = 'saml|bob/1';
const at = (sub: string) => `/admin/people?sub=${encodeURIComponent(sub)}`;

async function people(path = at(BOB), part = {}) {
  const server = new FakeServer([token({ owner: BOB }), token({ owner: BOB }), token({ owner: 'alice' })]);
  server.me = { ...server.me, groups: ['admins'] };
  server.people = [profile(BOB, { groups: ['users', 'makers'], tokens_active: 2, last_seen_at: day(-3), ...part })];
  const shown = show(path, { server });
  await screen.findByRole('button', { name: 'Find' });
  const press = async (name: string) => shown.person.click(await screen.findByRole('button', { name }));
  const confirm = async (name: string) => {
    const open = await dialog();
    await shown.person.click(open.getByRole('button', { name }));
    return open;
  };
  return { ...shown, press, confirm };
}

describe('looking a person up', () => {
  test('puts them into the address, and shows what is known', async () => {
    const { person, press, address, server } = await people('/admin/people');
    expect(server.callsOf('GET /admin/people')).toEqual([]);
    await person.type(screen.getByRole('searchbox', { name: 'Person, by subject' }), ` ${BOB} `);
    await press('Find');
    await screen.findByRole('heading', { name: BOB });
    expect(address()).toBe('/admin/people?sub=saml%7Cbob%2F1');
    const page = document.body.textContent ?? '';
    for (const part of ['users, makers', 'Enabled', '3 days ago']) expect(page).toContain(part);
    expect(screen.getByRole('link', { name: '2' }).getAttribute('href')).toBe('/admin/tokens?owner=saml%7Cbob%2F1');
  });

  test('shows somebody who was never seen', async () => {
    await people(at('nobody'));
    await screen.findByRole('heading', { name: 'nobody' });
    expect(screen.getByText('Never')).toBeTruthy();
    expect(screen.getByText('None')).toBeTruthy();
  });

  test('that fails can be tried again; a bad subject is named', async () => {
    const server = new FakeServer();
    server.me = { ...server.me, groups: ['admins'] };
    server.refuse('GET /admin/people', 400, 'invalid_request', { errors: [{ field: 'sub', message: 'is too long' }] });
    const { person } = show(at(BOB), { server });
    await screen.findByText('sub: is too long');
    await person.click(screen.getByRole('button', { name: 'Try again' }));
    await screen.findByRole('heading', { name: BOB });
  });
});

describe('the kill switch', () => {
  test('says what stops, and disables', async () => {
    const { press, confirm, server } = await people();
    await press('Disable');
    const open = await dialog();
    expect(open.getByText(/and their sessions stop working at once/)).toBeTruthy();
    expect(server.callsOf(PATCH)).toEqual([]);
    await confirm('Disable');
    await screen.findByText(`${BOB} is disabled.`);
    await screen.findByText('Disabled');
    expect(server.callsOf(PATCH).map((c) => c.body)).toEqual([{ sub: BOB, disabled: true }]);
    await screen.findByRole('button', { name: 'Enable' });
  });

  test('has the focus on Cancel, which does nothing', async () => {
    const { press, person, server } = await people();
    await press('Disable');
    const open = await dialog();
    await waitFor(() => expect(document.activeElement).toBe(open.getByRole('button', { name: 'Cancel' })));
    await person.keyboard('{Enter}');
    expect(dialogs()).toEqual([]);
    expect(server.callsOf(PATCH)).toEqual([]);
  });

  test('enables again', async () => {
    const { press, confirm, server } = await people(at(BOB), { disabled: true });
    await press('Enable');
    await confirm('Enable');
    await screen.findByText(`${BOB} is enabled.`);
    expect(server.people[0]?.disabled).toBe(false);
  });

  test('does not disable oneself, and says so', async () => {
    const { press, confirm, server } = await people(at('alice'));
    await press('Disable');
    const open = await confirm('Disable');
    await open.findByText('Nobody disables themselves. Another administrator can do it.');
    expect(server.people.find((p) => p.sub === 'alice')).toBeUndefined();
  });

  test('that is not answered says so, and can be tried again', async () => {
    const { press, confirm, server } = await people();
    server.lose(PATCH);
    await press('Disable');
    const open = await confirm('Disable');
    await open.findByText('The person was not disabled');
    await confirm('Try again');
    await screen.findByText(`${BOB} is disabled.`);
  });
});

describe('deleting all tokens of a person', () => {
  test('asks, deletes theirs alone, and says how many', async () => {
    const { press, confirm, server } = await people();
    await press('Delete all tokens');
    const open = await dialog();
    expect(open.getByText(`Delete all tokens of ${BOB}?`)).toBeTruthy();
    await confirm('Delete all tokens');
    await screen.findByText(`2 tokens of ${BOB} are deleted.`);
    expect(server.callsOf(ALL).map((c) => c.body)).toEqual([{ sub: BOB }]);
    expect(server.tokens.map((t) => [t.owner, t.status])).toEqual([
      [BOB, 'revoked'],
      [BOB, 'revoked'],
      ['alice', 'active'],
    ]);
  });

  test('by a double click asks the server once', async () => {
    const { press, person, server } = await people();
    await press('Delete all tokens');
    const open = await dialog();
    const release = server.hold(ALL);
    await person.dblClick(open.getByRole('button', { name: 'Delete all tokens' }));
    release();
    await screen.findByText(/are deleted\.$/);
    expect(server.callsOf(ALL)).toHaveLength(1);
  });

  test('that is refused says why', async () => {
    const { press, confirm, server } = await people();
    server.refuse(ALL, 403, 'forbidden');
    await press('Delete all tokens');
    const open = await confirm('Delete all tokens');
    await open.findByText('The tokens were not deleted');
    expect(open.getByText('You may not do that.')).toBeTruthy();
    expect(server.tokens.every((t) => t.status === 'active')).toBe(true);
  });
});
