import { screen } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { day, token } from '../testing/sample';
import { show } from '../testing/show';

const scopes = ['notes:read', 'notes:write', 'profile'];

async function details(part = {}) {
  const there = token({ name: 'ci', scopes, ...part });
  const shown = show(`/tokens/${there.id}`, { tokens: [there] });
  await screen.findByRole('heading', { name: 'ci' });
  return { ...shown, there, shrink: () => screen.queryByRole('button', { name: 'Keep only those used' }) };
}

describe('what a token was used for', () => {
  test('is counted, marked, and all that is kept by one click and a save', async () => {
    const { person, server, shrink } = await details({ scopes_used: ['notes:read', 'taken:away'] });
    expect(screen.getByText('Granted 3, used 1')).toBeTruthy();
    expect(screen.getAllByText('Not used yet')).toHaveLength(2);
    await person.click(shrink() as HTMLElement);
    await screen.findByRole('heading', { name: 'Edit ci' });
    const chosen = screen.getAllByRole<HTMLInputElement>('checkbox', { checked: true });
    expect(chosen).toHaveLength(1);
    expect(server.callsOf('PATCH /tokens/{id}')).toEqual([]);
    await person.click(screen.getByRole('button', { name: 'Save' }));
    await screen.findByText('Granted 1, used 1');
    expect(server.callsOf('PATCH /tokens/{id}').map((c) => c.body)).toEqual([{ scopes: ['notes:read'] }]);
    expect(shrink()).toBeNull();
  });

  test.each([
    ['it was not used yet', { scopes_used: [] }],
    ['it was used for everything', { scopes_used: scopes }],
    ['it is dead', { scopes_used: ['profile'], status: 'revoked', revoked_at: day(-1) }],
  ])('offers no such button when %s', async (_, part) => {
    const { shrink } = await details(part);
    expect(shrink()).toBeNull();
  });
});
