import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import type { Token } from '../api/client';
import { day, token } from '../testing/sample';
import { FakeServer, problem } from '../testing/server';
import { show } from '../testing/show';

const LIST = 'GET /tokens';
const segment = (text: string | RegExp) => screen.getByRole('button', { name: text });
const table = () => createWrapper().findTable();
/** The names in the table, from the top. */
const rows = () => screen.queryAllByRole('rowheader').map((cell) => within(cell).getByRole('link').textContent);
const showsRows = (...names: string[]) => waitFor(() => expect(rows()).toEqual(names));

const mixed: Token[] = [
  token({ name: 'fresh', created_at: day(-1), last_used_at: day(0, -3_600_000) }),
  token({ name: 'soon', created_at: day(-2), expires_at: day(5), description: 'nightly build' }),
  token({ name: 'idle', created_at: day(-200), scopes: ['notes:write'] }),
  token({ name: 'gone', created_at: day(-201), status: 'revoked', revoked_at: day(-1) }),
  token({ name: 'over', created_at: day(-202), status: 'expired', expires_at: day(-1) }),
];
const many = (n: number) => Array.from({ length: n }, (_, i) => token({ name: `t${i}`, created_at: day(-i) }));

describe('the profile', () => {
  test('says who is signed in, as the API sees them', async () => {
    show('/configuration');
    await screen.findByText('Alice');
    expect(screen.getByText('alice')).toBeTruthy();
    expect(screen.getByText('users')).toBeTruthy();
  });

  test('of somebody without a name or groups says so', async () => {
    const server = new FakeServer();
    server.me = { sub: 'auth0|7', kind: 'person', scopes: [], groups: [], expires_at: day(1) };
    show('/configuration', { server });
    await screen.findByText('auth0|7');
    expect(screen.getByText('–')).toBeTruthy();
    expect(screen.getByText('None')).toBeTruthy();
  });

  test('that cannot be read says so, and the tokens are there all the same', async () => {
    const server = new FakeServer([token({ name: 'ci' })]);
    server.refuse('GET /whoami', 500, 'internal');
    const { person } = show('/configuration', { server });
    const alert = within(await screen.findByRole('alert'));
    expect(alert.getByText('Your profile cannot be read')).toBeTruthy();
    await showsRows('ci');
    await person.click(alert.getByRole('button', { name: 'Try again' }));
    await screen.findByText('Alice');
  });
});

describe('the list', () => {
  test('says that it is loading until it has come', async () => {
    const server = new FakeServer([token({ name: 'ci' })]);
    const release = server.hold(LIST);
    show('/configuration', { server });
    expect(table()?.findLoadingText()?.getElement().textContent).toContain('Loading');
    expect(screen.queryByText('No tokens yet')).toBeNull();
    release();
    await showsRows('ci');
    expect(table()?.findLoadingText()).toBeNull();
  });

  test('without tokens teaches what one is, with one button', async () => {
    const { person, address } = show('/configuration');
    await screen.findByText('No tokens yet');
    expect(screen.getByText(/A token is a password for one program/)).toBeTruthy();
    expect(screen.queryByRole('searchbox')).toBeNull();
    await person.click(screen.getAllByRole('link', { name: 'Create token' }).at(-1) as HTMLElement);
    expect(address()).toBe('/tokens/new');
  });

  test('that cannot be read says so, and not that there are no tokens', async () => {
    const server = new FakeServer([token({ name: 'ci' })]);
    server.refuse(LIST, 503, 'unavailable', {}, 3);
    const { person } = show('/configuration', { server });
    const alert = within(await screen.findByRole('alert'));
    expect(alert.getByText('The service cannot answer right now. Try again in a moment.')).toBeTruthy();
    expect(screen.queryByText('No tokens yet')).toBeNull();
    expect(server.callsOf(LIST)).toHaveLength(3); // reading is tried again by itself, twice
    await person.click(alert.getByRole('button', { name: 'Try again' }));
    await showsRows('ci');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  test('that is refused is not tried again by itself', async () => {
    const server = new FakeServer();
    server.refuse(LIST, 403, 'forbidden');
    show('/configuration', { server });
    expect(within(await screen.findByRole('alert')).getByText('You may not do that.')).toBeTruthy();
    expect(server.callsOf(LIST)).toHaveLength(1);
  });

  test('says of each what a person wants to know', async () => {
    show('/configuration', { tokens: mixed });
    await showsRows('fresh', 'soon', 'idle');
    const row = (name: string) => screen.getByRole('link', { name }).closest('tr')?.textContent ?? '';
    expect(row('fresh')).toMatch(/Active.*notes:read.*Nov 23, 2026.*Never expires.*1 hour ago/);
    expect(row('soon')).toMatch(/nightly build.*Expires in 5 days.*Nov 29, 2026.*Never used/);
    expect(row('idle')).toMatch(/notes:write.*May 8, 2026/);
  });

  test('leads to the page of each', async () => {
    const { person, address } = show('/configuration', { tokens: mixed });
    await showsRows('fresh', 'soon', 'idle');
    await person.click(screen.getByRole('link', { name: 'soon' }));
    expect(address()).toBe(`/tokens/${mixed[1]?.id}`);
  });

  test('is read again when asked', async () => {
    const { person, server } = show('/configuration', { tokens: [token({ name: 'ci' })] });
    await showsRows('ci');
    server.tokens = [token({ name: 'new', created_at: day(0) }), ...server.tokens];
    await person.click(screen.getByRole('button', { name: 'Refresh' }));
    await showsRows('new', 'ci');
  });
});

describe('the counters', () => {
  test('count, and filter when pressed, in the address', async () => {
    const { person, address } = show('/configuration', { tokens: mixed });
    await showsRows('fresh', 'soon', 'idle');
    for (const [text, view, ...names] of [
      ['Expiring in 14 days (1)', 'expiring', 'soon'],
      ['Unused for 90 days (1)', 'unused', 'idle'],
      ['Expired (1)', 'expired', 'over'],
      ['Revoked (1)', 'revoked', 'gone'],
      ['All (5)', 'all', 'fresh', 'soon', 'idle', 'gone', 'over'],
    ] as const) {
      await person.click(segment(text));
      await showsRows(...names);
      expect(address()).toBe(`/configuration?view=${view}`);
    }
    await person.click(segment('Active (3)'));
    await showsRows('fresh', 'soon', 'idle');
    expect(address()).toBe('/configuration');
  });

  test('of stopped tokens are there only where there are some, with a warning that leads to them', async () => {
    const { person, address } = show('/configuration', {
      tokens: [...mixed, token({ name: 'halt', status: 'disabled' })],
    });
    await screen.findByText('1 token is stopped.');
    expect(segment('Stopped (1)')).toBeTruthy();
    await person.click(screen.getByRole('button', { name: 'Show' }));
    await showsRows('halt');
    expect(address()).toBe('/configuration?view=disabled');
  });

  test('of stopped tokens are not there where there are none', async () => {
    show('/configuration', { tokens: mixed });
    await showsRows('fresh', 'soon', 'idle');
    expect(screen.queryByRole('button', { name: /^Stopped/ })).toBeNull();
  });

  test('of a view without rows leave a way to all', async () => {
    const { person, address } = show('/configuration?view=revoked', { tokens: [token({ name: 'ci' })] });
    await screen.findByText('None of your tokens is here.');
    await person.click(screen.getByRole('button', { name: 'Show all' }));
    await showsRows('ci');
    expect(address()).toBe('/configuration?view=all');
  });
});

describe('the search', () => {
  test('stands in the address, and finds by name, description and permission', async () => {
    const { person, address } = show('/configuration', { tokens: mixed });
    await showsRows('fresh', 'soon', 'idle');
    const box = screen.getByRole('searchbox');
    await person.type(box, 'nightly');
    await showsRows('soon');
    expect(address()).toBe('/configuration?q=nightly');
    expect(screen.getAllByText('1 match').length).toBeGreaterThan(0);
    await person.clear(box);
    await person.type(box, 'notes:write');
    await showsRows('idle');
  });

  test('of an address is searched for', async () => {
    show('/configuration?q=nightly&view=all', { tokens: mixed });
    await showsRows('soon');
    expect(screen.getByRole<HTMLInputElement>('searchbox').value).toBe('nightly');
  });

  test('that finds nothing leaves a way back', async () => {
    const { person, address } = show('/configuration?q=zzz', { tokens: mixed });
    await screen.findByText('None of your tokens is here.');
    await person.click(screen.getByRole('button', { name: 'Show all' }));
    await showsRows('fresh', 'soon', 'idle');
    expect(address()).toBe('/configuration');
  });
});

describe('the order', () => {
  test('is chosen at the head of a column, and stands in the address', async () => {
    const { address } = show('/configuration', { tokens: mixed });
    await showsRows('fresh', 'soon', 'idle');
    const name = 2; // after the boxes
    table()?.findColumnSortingArea(name)?.click();
    await showsRows('fresh', 'idle', 'soon');
    expect(address()).toBe('/configuration?sort=name');
    table()?.findColumnSortingArea(name)?.click();
    await showsRows('soon', 'idle', 'fresh');
    expect(address()).toBe('/configuration?sort=name&order=desc');
  });

  test('of an address is kept', async () => {
    show('/configuration?sort=expires&order=asc', { tokens: mixed });
    await showsRows('soon', 'fresh', 'idle');
  });

  test.each(['?sort=owner&view=nobody&page=-3', '?sort=&order=sideways&page=x'])(
    'of the junk %s is the usual one',
    async (junk) => {
      show(`/configuration${junk}`, { tokens: mixed });
      await waitFor(() => expect(rows().toSorted()).toEqual(['fresh', 'idle', 'soon']));
    },
  );
});

describe('the pages', () => {
  test('of 20 rows stand in the address', async () => {
    const { address } = show('/configuration', { tokens: many(21) });
    await waitFor(() => expect(rows()).toHaveLength(20));
    table()?.findPagination()?.findNextPageButton().click();
    await showsRows('t20');
    expect(address()).toBe('/configuration?page=2');
  });

  test('behind the last lead to the last', async () => {
    show('/configuration?page=99', { tokens: many(21) });
    await showsRows('t20');
  });

  test('begin again with another filter', async () => {
    const { person, address } = show('/configuration?page=2', { tokens: many(21) });
    await showsRows('t20');
    await person.click(segment('All (21)'));
    expect(address()).toBe('/configuration?view=all');
    await waitFor(() => expect(rows()).toHaveLength(20));
  });

  test('of the server follow each other by themselves, by its cursor', async () => {
    const server = new FakeServer(many(7));
    server.pageSize = 3;
    show('/configuration', { server });
    await waitFor(() => expect(rows()).toHaveLength(7));
    expect(server.callsOf(LIST).map((c) => c.query)).toEqual([
      '?limit=100',
      '?limit=100&cursor=3',
      '?limit=100&cursor=6',
    ]);
    await screen.findByRole('button', { name: 'Active (7)' });
  });

  test('of the server that are empty do not end the list while there is a cursor', async () => {
    const server = new FakeServer(many(2));
    server.next(LIST, () => Response.json({ tokens: [], next_cursor: '0' }));
    show('/configuration', { server });
    await showsRows('t0', 't1');
    expect(screen.queryByText('No tokens yet')).toBeNull();
  });

  test('of the server that are still coming are counted as so many and more', async () => {
    const server = new FakeServer(many(5));
    server.pageSize = 3;
    show('/configuration', { server });
    server.next(LIST, (perform) => perform());
    const release = server.hold(LIST);
    await screen.findByRole('button', { name: 'Active (3+)' });
    release();
    await screen.findByRole('button', { name: 'Active (5)' });
  });

  test('of the server that fail leave what has come, say so, and can be asked for again', async () => {
    const server = new FakeServer(many(5));
    server.pageSize = 3;
    server.next(LIST, (perform) => perform());
    server.next(LIST, () => problem(400, 'invalid_request'));
    const { person } = show('/configuration', { server });
    const alert = within(await screen.findByRole('alert'));
    expect(alert.getByText('Your tokens cannot be read')).toBeTruthy();
    expect(rows()).toHaveLength(3);
    await person.click(alert.getByRole('button', { name: 'Try again' }));
    await waitFor(() => expect(rows()).toHaveLength(5));
  });

  test('of the server beyond a thousand tokens come when asked', async () => {
    const server = new FakeServer(many(24));
    server.pageSize = 2;
    show('/configuration', { server });
    await screen.findByRole('button', { name: 'Active (20+)' });
    await waitFor(() => expect(server.callsOf(LIST)).toHaveLength(10));
    table()?.findPagination()?.findNextPageButton().click();
    await screen.findByRole('button', { name: 'Active (22+)' });
    expect(server.callsOf(LIST)).toHaveLength(11);
  });
});

describe('what is selected', () => {
  const select = (name: string) => screen.getByRole<HTMLInputElement>('checkbox', { name: `Select ${name}` });
  const remove = () => screen.getByRole<HTMLButtonElement>('button', { name: /^Delete/ });

  test('is what is deleted', async () => {
    const { person } = show('/configuration', { tokens: mixed });
    await showsRows('fresh', 'soon', 'idle');
    expect(remove().disabled).toBe(true);
    await person.click(select('soon'));
    expect(remove().textContent).toBe('Delete');
    await person.click(select('idle'));
    expect(remove().textContent).toBe('Delete 2');
  });

  test('is forgotten when the filter changes: nothing unseen is deleted', async () => {
    const { person } = show('/configuration', { tokens: mixed });
    await showsRows('fresh', 'soon', 'idle');
    await person.click(select('soon'));
    await person.click(segment('All (5)'));
    await waitFor(() => expect(rows()).toHaveLength(5));
    expect(select('soon').checked).toBe(false);
    expect(remove().disabled).toBe(true);
  });

  test('is forgotten when it is no longer there', async () => {
    const { person, server } = show('/configuration', { tokens: mixed });
    await showsRows('fresh', 'soon', 'idle');
    await person.click(select('soon'));
    server.tokens = server.tokens.filter((t) => t.name !== 'soon');
    await person.click(screen.getByRole('button', { name: 'Refresh' }));
    await showsRows('fresh', 'idle');
    expect(remove().disabled).toBe(true);
  });

  test('is never a revoked token', async () => {
    show('/configuration?view=all', { tokens: mixed });
    await waitFor(() => expect(rows()).toHaveLength(5));
    expect(select('gone').disabled).toBe(true);
    expect(select('over').disabled).toBe(false);
  });
});

describe('the menu of a row', () => {
  /** What can be chosen, and what not. */
  async function menu(part: Partial<Token>) {
    const shown = show('/configuration?view=all', { tokens: [token({ name: 'ci', ...part })] });
    await showsRows('ci');
    const dropdown = createWrapper().findAllButtonDropdowns().at(-1);
    dropdown?.openDropdown();
    const item = (id: string) => dropdown?.findItemById(id, { disabled: false }) !== null;
    const choose = (id: string) => dropdown?.findItemById(id)?.click();
    return { ...shown, choose, can: ['rotate', 'edit', 'duplicate', 'delete'].filter(item) };
  }

  test.each<[string, Partial<Token>, string[]]>([
    ['an active token', {}, ['rotate', 'edit', 'duplicate', 'delete']],
    ['a stopped one', { status: 'disabled' }, ['edit', 'duplicate', 'delete']],
    ['an expired one', { status: 'expired', expires_at: day(-1) }, ['duplicate', 'delete']],
    ['one that ended since the list was read', { expires_at: day(0) }, ['duplicate', 'delete']],
    ['a revoked one', { status: 'revoked' }, ['duplicate']],
  ])('of %s offers what is possible', async (_, part, possible) => {
    expect((await menu(part)).can).toEqual(possible);
  });

  test.each([
    ['rotate', /^\/tokens\/\w{10}\?do=rotate$/],
    ['edit', /^\/tokens\/\w{10}\?do=edit$/],
    ['duplicate', /^\/tokens\/new\?name=ci\+2/],
    ['delete', /^\/configuration\?view=all$/],
  ])('leads by %s to where it is done, and does nothing yet', async (what, address) => {
    const shown = await menu({});
    shown.choose(what);
    await waitFor(() => expect(shown.address()).toMatch(address));
    expect(shown.server.calls.every((c) => c.route.startsWith('GET '))).toBe(true);
  });
});

test('on a phone the table has the columns that matter', async () => {
  vi.spyOn(window, 'matchMedia').mockImplementation(
    (query) =>
      ({
        matches: query === '(max-width: 688px)',
        addEventListener: () => {},
        removeEventListener: () => {},
      }) as unknown as MediaQueryList,
  );
  show('/configuration', { tokens: mixed });
  await showsRows('fresh', 'soon', 'idle');
  const heads = screen.getAllByRole('columnheader').map((h) => h.textContent?.trim());
  expect(heads.filter(Boolean)).toEqual(['Name']);
  expect(screen.getByRole('row', { name: /soon/ }).textContent).toContain('Expires in');
});
