import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import type { Token } from '../api/client';
import { day, token } from '../testing/sample';
import { FakeServer } from '../testing/server';
import { dialog, dialogs, show } from '../testing/show';

const button = (name: string) => screen.getByRole<HTMLButtonElement>('button', { name });
const disabled = (name: string) => button(name).disabled || button(name).getAttribute('aria-disabled') === 'true';

async function details(part: Partial<Token> = {}, search = '') {
  const there = token({ name: 'ci', ...part });
  const shown = show(`/tokens/${there.id}${search}`, { tokens: [there] });
  await screen.findByRole('heading', { name: 'ci' });
  return { ...shown, there };
}

describe('the facts', () => {
  test('of a plain token are all there', async () => {
    const { there } = await details({ description: 'in the vault', created_at: day(-1) });
    const page = document.body.textContent ?? '';
    expect(page).toContain('in the vault');
    expect(page).toContain(there.id);
    expect(page).toContain(there.hint);
    expect(page).toContain('Never expires');
    expect(page).toContain('Never used');
    expect(page).toContain('Everywhere');
    // Noon in Rome, and what that is in UTC.
    expect(page).toContain('November 23, 2026 at 12:00:00');
    expect(page).toContain('11:00:00 AM UTC');
    for (const label of ['Last rotated', 'Previous value works until', 'Revoked']) {
      expect(screen.queryByText(label)).toBeNull();
    }
    expect(screen.queryByRole('alert')).toBeNull();
  });

  test('say when and where it was last used', async () => {
    await details({ last_used_at: day(-2), last_used_ip: '192.0.2.7' });
    expect(screen.getByText('2 days ago')).toBeTruthy();
    const hover = screen.getByText('2 days ago').closest('[title]')?.getAttribute('title');
    expect(hover).toContain('November 22, 2026');
    expect(hover).toContain('From 192.0.2.7');
  });

  test('name the networks', async () => {
    await details({ allowed_cidrs: ['192.0.2.0/24', '2001:db8::/32'] });
    expect(screen.getAllByRole('listitem').map((i) => i.textContent)).toEqual(
      expect.arrayContaining(['192.0.2.0/24', '2001:db8::/32']),
    );
    expect(screen.queryByText('Everywhere')).toBeNull();
  });

  test('of a rotated one say how long the value before works, until it does not', async () => {
    await details({ rotated_at: day(-1), previous_valid_until: day(1) });
    expect(screen.getByText('Last rotated')).toBeTruthy();
    expect(screen.getByText('Previous value works until')).toBeTruthy();
  });

  test('are silent about a value before that is over', async () => {
    await details({ rotated_at: day(-9), previous_valid_until: day(-2) });
    expect(screen.queryByText('Previous value works until')).toBeNull();
  });

  test('of a stopped one say why it may be, and what to do', async () => {
    await details({ status: 'disabled' });
    expect(screen.getByText(/This token is stopped, not deleted/)).toBeTruthy();
    expect([disabled('Rotate'), disabled('Edit'), disabled('Delete')]).toEqual([true, false, false]);
  });

  test('of one that the policy ends say so, with the day', async () => {
    await details({ expires_at: day(300), effective_expires_at: day(30) });
    expect(screen.getByText(/this one stops working on December 24, 2026/)).toBeTruthy();
    expect(screen.getByText(/\(by policy\)/)).toBeTruthy();
  });

  test('of one unused for 90 days advise to delete it', async () => {
    await details({ created_at: day(-200) });
    expect(screen.getByText(/This token was not used for 90 days/)).toBeTruthy();
  });

  test('of an expired or revoked one leave only what is possible', async () => {
    await details({ status: 'expired', expires_at: day(-3) });
    expect([disabled('Rotate'), disabled('Edit'), disabled('Delete')]).toEqual([true, true, false]);
  });

  test('of a revoked one say when', async () => {
    await details({ status: 'revoked', revoked_at: day(-3) });
    expect(screen.getAllByText('Revoked').length).toBe(2); // its status, and when
    expect([disabled('Rotate'), disabled('Edit'), disabled('Delete')]).toEqual([true, true, true]);
  });

  test('follow the clock: what ended while the page was open is expired', async () => {
    await details({ expires_at: day(0, -1) });
    expect(screen.getByText('Expired')).toBeTruthy();
    expect(disabled('Rotate')).toBe(true);
  });
});

describe('the permissions', () => {
  test('are described; sensitive, lost and unknown ones are marked', async () => {
    const there = token({ name: 'ci', scopes: ['notes:read', 'credentials', 'introspect', 'gone:scope'] });
    show(`/tokens/${there.id}`, { tokens: [there] });
    const item = async (name: string) => (await screen.findByText(name)).closest('li')?.textContent;
    await screen.findByText('Lets notes:read.');
    expect(await item('notes:read')).toBe('notes:readLets notes:read.');
    expect(await item('credentials')).toContain('Sensitive');
    expect(await item('introspect')).toContain('You may no longer grant it: it has no effect');
    expect(await item('gone:scope')).toBe('gone:scopeNo longer exists: it has no effect');
  });

  test('are none of them called unknown while the catalogue cannot be read', async () => {
    const there = token({ name: 'ci' });
    const server = new FakeServer([there]);
    server.refuse('GET /scopes', 503, 'unavailable', {}, 3);
    show(`/tokens/${there.id}`, { server });
    await screen.findByText('notes:read');
    await waitFor(() => expect(server.callsOf('GET /scopes')).toHaveLength(3));
    expect(screen.queryByText(/No longer exists/)).toBeNull();
  });
});

describe('a page that cannot be shown', () => {
  test('because there is no such token says so, and does not offer to try again', async () => {
    show('/tokens/4gT2aZZZZZ');
    const alert = within(await screen.findByRole('alert'));
    expect(alert.getByText('There is no such token, or it was deleted more than 30 days ago.')).toBeTruthy();
    expect(alert.queryByRole('button')).toBeNull();
  });

  test('because the service is away offers to try again', async () => {
    const there = token({ name: 'ci' });
    const server = new FakeServer([there]);
    server.refuse('GET /tokens/{id}', 503, 'unavailable', {}, 3);
    const { person } = show(`/tokens/${there.id}`, { server });
    const alert = within(await screen.findByRole('alert'));
    await person.click(alert.getByRole('button', { name: 'Try again' }));
    await screen.findByRole('heading', { name: 'ci' });
  });

  test('says that there is no such page, for an address that is none', async () => {
    show('/tokens/a/b');
    await screen.findByRole('heading', { name: 'No such page' });
  });
});

describe('what is being done', () => {
  test('stands in the address, so that Back ends it', async () => {
    const { person, address, go, there } = await details();
    await person.click(button('Edit'));
    await screen.findByRole('heading', { name: 'Edit ci' });
    expect(address()).toBe(`/tokens/${there.id}?do=edit`);
    await go(-1);
    await screen.findByRole('heading', { name: 'ci' });
  });

  test.each([
    ['rotate', 'Rotate ci'],
    ['delete', 'Delete ci?'],
  ])('?do=%s opens its dialog and does nothing by itself', async (what, title) => {
    const { server } = await details({}, `?do=${what}`);
    expect((await dialog()).getByText(title)).toBeTruthy();
    expect(server.calls.every((c) => c.route.startsWith('GET '))).toBe(true);
  });

  test.each([
    ['edit', 'revoked'],
    ['rotate', 'revoked'],
    ['delete', 'revoked'],
    ['edit', 'expired'],
    ['rotate', 'disabled'],
    ['explode', 'active'],
  ] as const)('?do=%s of a token that is %s is nothing', async (what, status) => {
    await details({ status }, `?do=${what}`);
    expect(dialogs()).toEqual([]);
    expect(screen.queryByRole('heading', { name: 'Edit ci' })).toBeNull();
  });

  test('a duplicate fills in the form', async () => {
    const { person, address } = await details({ description: 'in the vault' });
    await person.click(screen.getByRole('link', { name: 'Duplicate' }));
    await screen.findByRole('heading', { name: 'Create a token' });
    expect(address()).toBe('/tokens/new?name=ci+2&scopes=notes%3Aread&description=in+the+vault');
  });
});
