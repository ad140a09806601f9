import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import type { Token } from '../api/client';
import { day, token } from '../testing/sample';
import { dialog, dialogs, show } from '../testing/show';

const DELETE = 'DELETE /tokens/{id}';

/** The question about one token, asked on its own page. */
async function one(part: Partial<Token> = {}) {
  const there = token({ name: 'ci', ...part });
  const shown = show(`/tokens/${there.id}?do=delete`, { tokens: [there] });
  const open = await dialog();
  return { ...shown, there, open, press: (name: string) => shown.person.click(open.getByRole('button', { name })) };
}

/** The question about several, asked in the list. */
async function several(...names: string[]) {
  const tokens = names.map((name, i) => token({ name, created_at: day(-1 - i) }));
  const shown = show('/configuration', { tokens: [...tokens, token({ name: 'kept', created_at: day(-50) })] });
  for (const name of names) await shown.person.click(await screen.findByRole('checkbox', { name: `Select ${name}` }));
  await shown.person.click(screen.getByRole('button', { name: `Delete ${names.length}` }));
  const open = await dialog();
  const fate = (name: string) => open.getByText(name).closest('li')?.textContent ?? '';
  return {
    ...shown,
    tokens,
    open,
    fate,
    press: (name: string) => shown.person.click(open.getByRole('button', { name })),
  };
}

describe('the question', () => {
  test('names the token, says that it was never used, and what will happen', async () => {
    const { open, server } = await one();
    expect(open.getByText('Delete ci?')).toBeTruthy();
    expect(open.getByText('It was never used.')).toBeTruthy();
    expect(open.getByText('It stops working at once, and cannot be brought back.')).toBeTruthy();
    expect(server.callsOf(DELETE)).toEqual([]);
  });

  test('says when and from where it was last used', async () => {
    const { open } = await one({ last_used_at: day(-2), last_used_ip: '192.0.2.7' });
    expect(open.getByText(/It was last used on November 22, 2026 at 12:00:00.* from 192\.0\.2\.7\./)).toBeTruthy();
  });

  test('says when it was last used where the address is not known', async () => {
    const { open } = await one({ last_used_at: day(-2) });
    expect(open.getByText(/It was last used on November 22, 2026 at 12:00:00[^.]*\.$/)).toBeTruthy();
  });

  test('has the focus on Cancel', async () => {
    const { open } = await one();
    await waitFor(() => expect(document.activeElement).toBe(open.getByRole('button', { name: 'Cancel' })));
  });

  test('answered by Cancel deletes nothing', async () => {
    const { press, server, address, there } = await one();
    await press('Cancel');
    expect(dialogs()).toEqual([]);
    expect(server.callsOf(DELETE)).toEqual([]);
    expect(address()).toBe(`/tokens/${there.id}`);
  });

  test('answered by the Enter key where the focus is deletes nothing', async () => {
    const { person, open, server } = await one();
    await waitFor(() => expect(document.activeElement).toBe(open.getByRole('button', { name: 'Cancel' })));
    await person.keyboard('{Enter}');
    expect(server.callsOf(DELETE)).toEqual([]);
    expect(dialogs()).toEqual([]);
  });

  test('closed by its cross deletes nothing', async () => {
    const { server } = await one();
    createWrapper().findModal()?.findDismissButton()?.click();
    expect(dialogs()).toEqual([]);
    expect(server.callsOf(DELETE)).toEqual([]);
  });
});

describe('deleting one', () => {
  test('does it, says so, and leads back to the list, where it is revoked', async () => {
    const { press, server, address, there } = await one();
    await press('Delete');
    await screen.findByText('The token ci is deleted.');
    expect(address()).toBe('/configuration');
    expect(server.callsOf(DELETE).map((c) => c.id)).toEqual([there.id]);
    await screen.findByText('Revoked (1)');
    expect(screen.queryByRole('link', { name: 'ci' })).toBeNull();
  });

  test('says that it is under way, and cannot be cancelled then', async () => {
    const { open, press, server } = await one();
    const release = server.hold(DELETE);
    await press('Delete');
    expect(open.getAllByText('Deleting').length).toBeGreaterThan(0);
    expect(open.getByRole<HTMLButtonElement>('button', { name: 'Cancel' }).disabled).toBe(true);
    release();
    await screen.findByText('The token ci is deleted.');
  });

  test('by a double click asks the server once', async () => {
    const { person, open, server } = await one();
    const release = server.hold(DELETE);
    await person.dblClick(open.getByRole('button', { name: 'Delete' }));
    release();
    await screen.findByText('The token ci is deleted.');
    expect(server.callsOf(DELETE)).toHaveLength(1);
  });

  test.each([
    [503, 'unavailable', 'Not deleted. The service cannot answer right now. Try again in a moment.'],
    [404, 'not_found', 'Not deleted. There is no such token, or it was deleted more than 30 days ago.'],
    [403, 'forbidden', 'Not deleted. You may not do that.'],
  ])('that %i %s refuses says why, and can be tried again', async (status, code, sentence) => {
    const { open, press, server } = await one();
    server.refuse(DELETE, status, code);
    await press('Delete');
    expect((await open.findByRole('alert')).textContent).toBe(sentence);
    expect(screen.queryByText('The token ci is deleted.')).toBeNull();
    await press('Try again');
    await screen.findByText('The token ci is deleted.');
  });

  test('whose answer was lost can be tried again: twice is the same', async () => {
    const { open, press, server, there } = await one();
    server.lose(DELETE);
    await press('Delete');
    expect((await open.findByRole('alert')).textContent).toContain('Not deleted. No answer came.');
    await press('Try again');
    await screen.findByText('The token ci is deleted.');
    expect(server.tokens.find((t) => t.id === there.id)?.status).toBe('revoked');
  });
});

describe('deleting several', () => {
  test('names each, deletes them one after the other, and says how many', async () => {
    const { open, press, server, tokens } = await several('one', 'two', 'three');
    expect(open.getByText('Delete 3 tokens?')).toBeTruthy();
    for (const { name } of tokens) expect(open.getByText(name)).toBeTruthy();
    expect(open.getByText('They stop working at once, and cannot be brought back.')).toBeTruthy();
    await press('Delete');
    await screen.findByText('3 tokens are deleted.');
    expect(server.callsOf(DELETE).map((c) => c.id)).toEqual(tokens.map((t) => t.id));
    expect(server.tokens.filter((t) => t.status === 'active').map((t) => t.name)).toEqual(['kept']);
    expect(dialogs()).toEqual([]);
  });

  test('with one failing tells what became of each, and tries only that again', async () => {
    const { open, press, server, tokens, fate } = await several('one', 'two', 'three');
    server.next(DELETE, (perform) => perform());
    server.refuse(DELETE, 503, 'unavailable');
    await press('Delete');
    await open.findByRole('button', { name: 'Try again' });
    expect(fate('one')).toContain('Deleted');
    expect(fate('two')).toContain('Not deleted. The service cannot answer right now.');
    expect(fate('three')).toContain('Deleted');
    expect(screen.queryByText(/tokens are deleted/)).toBeNull();
    await press('Try again');
    await screen.findByText('3 tokens are deleted.');
    expect(server.callsOf(DELETE).map((c) => c.id)).toEqual([...tokens.map((t) => t.id), tokens[1]?.id]);
  });

  test('with one failing can be left so: the rest is gone from the list', async () => {
    const { open, press, server } = await several('one', 'two');
    server.refuse(DELETE, 503, 'unavailable');
    await press('Delete');
    await open.findByRole('button', { name: 'Try again' });
    await press('Close');
    expect(dialogs()).toEqual([]);
    const table = within(screen.getByRole('grid'));
    expect(await table.findByRole('link', { name: 'one' })).toBeTruthy();
    expect(table.queryByRole('link', { name: 'two' })).toBeNull();
    expect(server.callsOf(DELETE)).toHaveLength(2);
  });

  test('says which one is under way', async () => {
    const { open, press, server, fate } = await several('one', 'two');
    const release = server.hold(DELETE);
    await press('Delete');
    expect(fate('one')).toContain('Deleting');
    expect(fate('two')).not.toContain('Deleting');
    release();
    await screen.findByText('2 tokens are deleted.');
    expect(open).toBeTruthy();
  });
});
