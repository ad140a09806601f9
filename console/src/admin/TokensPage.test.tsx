import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { screen, within } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { token } from '../testing/sample';
import { FakeServer } from '../testing/server';
import { dialog, dialogs, show } from '../testing/show';

const LIST = 'GET /admin/tokens';
const DELETE = 'DELETE /admin/tokens/{id}';

async function tokens(path = '/admin/tokens', prepare: (server: FakeServer) => void = () => {}) {
  const server = new FakeServer([
    token({ name: 'ci', scopes: ['notes:read', 'notes:write', 'profile'], scopes_used: ['notes:read', 'gone'] }),
    token({ name: 'ci', owner: 'bob' }),
    token({ name: 'dead', owner: 'bob', status: 'revoked' }),
  ]);
  server.me = { ...server.me, groups: ['admins'] };
  prepare(server);
  const shown = show(path, { server });
  const press = async (name: string) => shown.person.click(await screen.findByRole('button', { name }));
  return { ...shown, press };
}

describe('all tokens', () => {
  test('show whose they are and what they are used for', async () => {
    await tokens();
    const grid = within(await screen.findByRole('grid'));
    expect(await grid.findByRole('link', { name: 'alice' })).toBeTruthy();
    expect(grid.getByText('Granted 3, used 1')).toBeTruthy();
    expect(grid.getAllByText('Granted 1, used 0')).toHaveLength(2);
  });

  test('are narrowed by the server, to what stands in the address', async () => {
    const { server, person, press, address } = await tokens();
    await screen.findByRole('link', { name: 'alice' });
    await person.type(screen.getByRole('searchbox', { name: 'Owner' }), 'bob');
    await press('Find');
    await screen.findByText('(2)');
    createWrapper().findSelect()?.openDropdown();
    createWrapper().findSelect()?.selectOptionByValue('revoked');
    await screen.findByText('(1)');
    expect(address()).toBe('/admin/tokens?owner=bob&status=revoked');
    expect(server.callsOf(LIST).map((c) => c.query)).toEqual([
      '?limit=50&status=all',
      '?limit=50&status=all&owner=bob',
      '?limit=50&status=revoked&owner=bob',
    ]);
  });

  test('say that there are none such, and ask for no status that there is not', async () => {
    const { server } = await tokens('/admin/tokens?owner=nobody&status=nonsense');
    await screen.findByText('There are no such tokens.');
    expect(server.callsOf(LIST)[0]?.query).toBe('?limit=50&status=all&owner=nobody');
  });

  test('come page by page, by the cursor of the server', async () => {
    const { press, server } = await tokens('/admin/tokens', (s) => {
      s.tokens = Array.from({ length: 45 }, (_, i) => token({ name: `t${i}` }));
      s.pageSize = 20;
    });
    await screen.findByText('(20+)');
    await press('Load more');
    await screen.findByText('(40+)');
    server.refuse(LIST, 503, 'unavailable', {}, 3);
    await press('Load more');
    await screen.findByText('The tokens cannot be read');
    expect(screen.getByText('(40+)')).toBeTruthy();
    await press('Try again');
    await screen.findByText('(45)');
    expect(screen.queryByRole('button', { name: 'Load more' })).toBeNull();
  });

  test('that cannot be read say so, and can be tried again', async () => {
    const { press } = await tokens('/admin/tokens', (s) => s.refuse(LIST, 403, 'forbidden'));
    await screen.findByText('You may not do that.');
    await press('Try again');
    await screen.findByRole('link', { name: 'alice' });
  });

  test('are deleted together as an administrator does it, after a question that says whose they are', async () => {
    const { person, press, server } = await tokens();
    for (const name of ['Select ci of alice', 'Select ci of bob']) {
      await person.click(await screen.findByRole('checkbox', { name }));
    }
    await press('Delete 2');
    const open = await dialog();
    expect(open.getByText('ci of alice')).toBeTruthy();
    expect(open.getByText('ci of bob')).toBeTruthy();
    server.refuse(DELETE, 503, 'unavailable');
    await person.click(open.getByRole('button', { name: 'Delete' }));
    await open.findByText(/^Not deleted\./);
    await person.click(open.getByRole('button', { name: 'Try again' }));
    await screen.findByText('2 tokens are deleted.');
    expect(dialogs()).toEqual([]);
    expect(server.tokens.every((t) => t.status === 'revoked')).toBe(true);
    expect(server.callsOf('DELETE /tokens/{id}')).toEqual([]);
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Delete' }).disabled).toBe(true);
  });
});

describe('one token', () => {
  test('of another person shows its facts, without the advice that is for its owner', async () => {
    const there = token({ name: 'ci', owner: 'bob', status: 'disabled', scopes: ['introspect'] });
    const { person, press, server } = await tokens(`/admin/tokens?id=${there.id}`, (s) => {
      s.tokens = [there];
    });
    await screen.findByRole('heading', { name: 'ci' });
    expect(screen.getByText(there.hint)).toBeTruthy();
    expect(screen.queryByText(/Save it once under Edit/)).toBeNull();
    expect(screen.queryByText(/You may no longer grant it/)).toBeNull();
    await press('Delete');
    const open = await dialog();
    await person.click(open.getByRole('button', { name: 'Delete' }));
    await screen.findByText('The token ci of bob is deleted.');
    expect(server.callsOf(DELETE).map((c) => c.id)).toEqual([there.id]);
  });

  test('that is not there says so', async () => {
    await tokens('/admin/tokens?id=4gT2a99999');
    await screen.findByText('There is no such token, or it was deleted more than 30 days ago.');
    expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
    expect(screen.getByRole('link', { name: 'Back to all tokens' })).toBeTruthy();
  });
});
