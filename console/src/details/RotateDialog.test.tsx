import { screen, within } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { day, token } from '../testing/sample';
import { problem, unreachable } from '../testing/server';
import { dialog, dialogs, show } from '../testing/show';

const ROTATE = 'POST /tokens/{id}/rotate';

/** The dialog of a token that was rotated before, or never. */
async function rotating(part = {}) {
  const there = token({ name: 'ci', ...part });
  const shown = show(`/tokens/${there.id}?do=rotate`, { tokens: [there] });
  const open = await dialog();
  const press = (name: string) => shown.person.click(open.getByRole('button', { name }));
  const bodies = () => shown.server.callsOf(ROTATE).map((c) => c.body);
  return { ...shown, there, open, press, bodies };
}

const rotated = () => screen.findByRole('heading', { name: 'ci has a new value' });

describe('the grace', () => {
  test('is 24 hours, if the person does not choose another', async () => {
    const { press, bodies, server } = await rotating();
    await press('Rotate');
    await rotated();
    expect(bodies()).toEqual([{ grace_seconds: 86_400 }]);
    expect(screen.getByText(server.values[0] ?? '')).toBeTruthy();
  });

  test.each([
    ['Now', 0],
    ['In 1 hour', 3600],
    ['In 24 hours', 86_400],
    ['In 7 days', 604_800],
  ])('%s is sent as %i seconds', async (choice, seconds) => {
    const { person, open, press, bodies } = await rotating();
    await person.click(open.getByRole('radio', { name: choice }));
    await press('Rotate');
    await rotated();
    expect(bodies()).toEqual([{ grace_seconds: seconds }]);
  });

  test('of none warns of what that breaks', async () => {
    const { person, open } = await rotating();
    expect(open.queryByText(/stops working at once/)).toBeNull();
    await person.click(open.getByRole('radio', { name: 'Now' }));
    expect(open.getByText('Whatever uses the old value stops working at once.')).toBeTruthy();
  });
});

test('cancelling rotates nothing', async () => {
  const { press, bodies, address, there } = await rotating();
  await press('Cancel');
  expect(dialogs()).toEqual([]);
  expect(bodies()).toEqual([]);
  expect(address()).toBe(`/tokens/${there.id}`);
});

test('a second click makes no second value', async () => {
  const { person, open, server, bodies } = await rotating();
  const release = server.hold(ROTATE);
  await person.dblClick(open.getByRole('button', { name: 'Rotate' }));
  release();
  await rotated();
  expect(bodies()).toHaveLength(1);
});

describe('a refusal', () => {
  test.each([
    [409, 'token_not_active', 'The token has expired or was revoked meanwhile.'],
    [409, 'conflict', 'The token was changed meanwhile, perhaps in another window. Look at it again.'],
    [503, 'unavailable', 'The service cannot answer right now. Try again in a moment.'],
  ])('%i %s says why, and can be tried again with the same grace', async (status, code, sentence) => {
    const { person, open, press, server, bodies } = await rotating();
    await person.click(open.getByRole('radio', { name: 'In 7 days' }));
    server.refuse(ROTATE, status, code);
    await press('Rotate');
    const alert = within(await open.findByRole('alert'));
    expect(alert.getByText('The token was not rotated')).toBeTruthy();
    expect(alert.getByText(sentence)).toBeTruthy();
    await press('Rotate');
    await rotated();
    expect(bodies()).toEqual([{ grace_seconds: 604_800 }, { grace_seconds: 604_800 }]);
  });
});

describe('a lost answer', () => {
  test('of a rotation that happened is repeated so that the value in use goes on', async () => {
    const { person, open, press, server, bodies } = await rotating();
    await person.click(open.getByRole('radio', { name: 'In 7 days' }));
    server.lose(ROTATE);
    await press('Rotate');
    expect(within(await open.findByRole('alert')).getByText(/The new value may have been made/)).toBeTruthy();
    const end = server.tokens[0]?.previous_valid_until;
    await press('Rotate again');
    await rotated();
    expect(bodies()).toEqual([{ grace_seconds: 604_800 }, { keep_previous: true }]);
    expect(server.tokens[0]?.previous_valid_until).toBe(end);
    expect(screen.getByText(server.values[1] ?? '')).toBeTruthy();
    expect(document.body.textContent).not.toContain(server.values[0]);
  });

  test('of one that did not happen is a plain rotation with the same grace', async () => {
    const { person, open, press, server, bodies } = await rotating();
    await person.click(open.getByRole('radio', { name: 'In 1 hour' }));
    server.cutOff(ROTATE);
    await press('Rotate');
    await open.findByRole('alert');
    await press('Rotate again');
    await rotated();
    expect(bodies()).toEqual([{ grace_seconds: 3600 }, { grace_seconds: 3600 }]);
  });

  test('of one that did not happen never ends the value before, of an earlier rotation', async () => {
    // keep_previous here would kill the value in use.
    const { press, open, server, bodies } = await rotating({ rotated_at: day(-1), previous_valid_until: day(3) });
    server.cutOff(ROTATE);
    await press('Rotate');
    await open.findByRole('alert');
    await press('Rotate again');
    await rotated();
    expect(bodies()[1]).toEqual({ grace_seconds: 86_400 });
  });

  test('of one that ended the old value at once is a plain rotation: nothing is left to keep', async () => {
    const { person, press, open, server, bodies } = await rotating();
    await person.click(open.getByRole('radio', { name: 'Now' }));
    server.lose(ROTATE);
    await press('Rotate');
    await open.findByRole('alert');
    await press('Rotate again');
    await rotated();
    expect(bodies()).toEqual([{ grace_seconds: 0 }, { grace_seconds: 0 }]);
  });

  test('leaves the grace as it was chosen', async () => {
    const { open, press, server } = await rotating();
    server.cutOff(ROTATE);
    await press('Rotate');
    await open.findByRole('alert');
    expect(open.getAllByRole<HTMLInputElement>('radio').map((r) => r.disabled)).toEqual([true, true, true, true]);
  });

  test('asks what became of it before anything else, and does nothing where that is not answered', async () => {
    const { open, press, server, bodies } = await rotating();
    server.lose(ROTATE);
    await press('Rotate');
    await open.findByRole('alert');
    server.cutOff('GET /tokens/{id}');
    await press('Rotate again');
    await open.findByRole('button', { name: 'Rotate again' });
    expect(bodies()).toHaveLength(1);
    await press('Rotate again');
    await rotated();
    expect(bodies()[1]).toEqual({ keep_previous: true });
  });

  test('twice is still repeated so that the value in use goes on', async () => {
    const { open, press, server, bodies } = await rotating();
    server.lose(ROTATE);
    await press('Rotate');
    await open.findByRole('alert');
    server.lose(ROTATE);
    await press('Rotate again');
    await open.findByRole('button', { name: 'Rotate again' });
    await press('Rotate again');
    await rotated();
    expect(bodies().slice(1)).toEqual([{ keep_previous: true }, { keep_previous: true }]);
  });

  test('and then a refusal of the question still knows that an answer was lost', async () => {
    const { open, press, server, bodies } = await rotating();
    server.lose(ROTATE);
    await press('Rotate');
    await open.findByRole('alert');
    server.next('GET /tokens/{id}', () => problem(503, 'unavailable'));
    await press('Rotate again');
    await open.findByText('The service cannot answer right now. Try again in a moment.');
    // A plain rotation now would end the value that is in use.
    await press('Rotate again');
    await rotated();
    expect(bodies().slice(1)).toEqual([{ keep_previous: true }]);
  });

  test('is not known from what the page read again meanwhile', async () => {
    const { open, press, server, queries, there, bodies } = await rotating();
    server.next(ROTATE, async (perform) => {
      await perform();
      throw unreachable();
    });
    await press('Rotate');
    await open.findByRole('alert');
    // The window got the focus, or another page changed something: the details are read again.
    await queries.invalidateQueries({ queryKey: ['token', there.id] });
    await press('Rotate again');
    await rotated();
    expect(bodies()[1]).toEqual({ keep_previous: true });
  });
});

test('leaving while it rotates asks first', async () => {
  const { server, press, go } = await rotating();
  const release = server.hold(ROTATE);
  await press('Rotate');
  await go('/configuration');
  expect(dialogs().some((d) => d.textContent?.includes('If you leave now, you will never see it.'))).toBe(true);
  release();
  await rotated();
});
