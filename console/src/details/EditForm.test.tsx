import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { day, token } from '../testing/sample';
import { show } from '../testing/show';

const PATCH = 'PATCH /tokens/{id}';
const name = () => screen.getByRole<HTMLInputElement>('textbox', { name: 'Name' });
const permission = (scope: string) => screen.getByRole<HTMLInputElement>('checkbox', { name: new RegExp(`^${scope}`) });
const failed = async () => within(await screen.findByRole('alert'));

async function editing(part = {}, others = [token({ name: 'taken' })]) {
  const there = token({ name: 'ci', description: 'old', scopes: ['notes:read', 'notes:write'], ...part });
  const shown = show(`/tokens/${there.id}?do=edit`, { tokens: [there, ...others] });
  await screen.findByRole('heading', { name: 'Edit ci' });
  const save = () => shown.person.click(screen.getByRole('button', { name: 'Save' }));
  const bodies = () => shown.server.callsOf(PATCH).map((c) => c.body);
  const saved = () => screen.findByRole('heading', { name: 'Details' });
  return { ...shown, there, save, saved, bodies };
}

describe('what is sent', () => {
  test('is nothing but a sign of life where nothing was changed', async () => {
    const { save, saved, bodies } = await editing({ expires_at: day(30), allowed_cidrs: ['192.0.2.0/24'] });
    await save();
    await saved();
    expect(bodies()).toEqual([{}]);
  });

  test('is the name alone where only that was changed', async () => {
    const { person, save, saved, bodies, server, there, address } = await editing();
    await person.type(name(), ' two ');
    await save();
    await saved();
    expect(bodies()).toEqual([{ name: 'ci two' }]);
    expect(await screen.findByText('The token ci two is saved.')).toBeTruthy();
    expect(screen.getByRole('heading', { name: 'ci two' })).toBeTruthy();
    expect(address()).toBe(`/tokens/${there.id}`);
    expect(server.tokens[0]).toMatchObject({ description: 'old', expires_at: null });
  });

  test('is an empty description where it was taken away', async () => {
    const { person, save, saved, bodies } = await editing();
    await person.clear(screen.getByRole('textbox', { name: /^Description/ }));
    await save();
    await saved();
    expect(bodies()).toEqual([{ description: '' }]);
  });

  test('are the permissions that are left', async () => {
    const { person, save, saved, bodies } = await editing();
    expect(screen.queryByText(/What you take away cannot be given back/)).toBeNull();
    await person.click(permission('notes:write'));
    expect(screen.getByText('What you take away cannot be given back to this token.')).toBeTruthy();
    await save();
    await saved();
    expect(bodies()).toEqual([{ scopes: ['notes:read'] }]);
  });

  test('are no permissions where one was taken away and given back', async () => {
    const { person, save, saved, bodies } = await editing();
    await person.click(permission('notes:read'));
    await person.click(permission('notes:read'));
    await save();
    await saved();
    expect(bodies()).toEqual([{}]);
  });

  test('is never a permission that the token did not have', async () => {
    await editing();
    const offered = screen.getAllByRole('checkbox').length;
    expect(offered).toBe(2 + 1); // its own, and the one of its end
    expect(screen.queryByRole('checkbox', { name: /^profile/ })).toBeNull();
  });

  test('are the networks where they were changed, and none for everywhere', async () => {
    const { person, save, saved, bodies } = await editing({ allowed_cidrs: ['192.0.2.0/24', '2001:db8::/32'] });
    await person.clear(screen.getByRole('textbox', { name: /^Allowed networks/ }));
    await save();
    await saved();
    expect(bodies()).toEqual([{ allowed_cidrs: [] }]);
  });
});

test('what another window changed meanwhile, and this one has read, stays', async () => {
  const { person, save, saved, bodies, server, queries, there } = await editing();
  server.tokens = server.tokens.map((t) => (t.id === there.id ? { ...t, description: 'theirs' } : t));
  await queries.invalidateQueries({ queryKey: ['token', there.id] });
  await person.type(name(), ' two');
  await save();
  await saved();
  expect(bodies()).toEqual([{ name: 'ci two' }]);
  expect(server.tokens[0]?.description).toBe('theirs');
});

describe('the end', () => {
  test('is said, and stays as it is', async () => {
    const { person, save, saved, bodies } = await editing({ expires_at: day(30) });
    expect(screen.getByText('It expires on December 24, 2026.')).toBeTruthy();
    await person.type(name(), '!');
    await save();
    await saved();
    expect(bodies()).toEqual([{ name: 'ci!' }]);
  });

  test('is sent where the person asks for another', async () => {
    const { person, save, saved, bodies } = await editing();
    await person.click(permission('Change when it expires'));
    const select = createWrapper().findSelect();
    select?.openDropdown();
    select?.selectOptionByValue('7');
    await save();
    await saved();
    expect(bodies()).toEqual([{ expires_at: '2026-12-01T11:00:00Z' }]);
  });

  test('is none where the person asks for none', async () => {
    const { person, save, saved, bodies } = await editing({ expires_at: day(30) });
    await person.click(permission('Change when it expires'));
    await save();
    await saved();
    expect(bodies()).toEqual([{ expires_at: null }]);
  });

  test('that is wrong does not matter once the person leaves it alone', async () => {
    const { person, save, saved, bodies } = await editing();
    await person.click(permission('Change when it expires'));
    const select = createWrapper().findSelect();
    select?.openDropdown();
    select?.selectOptionByValue('date');
    await save();
    expect(screen.getByText('Choose a day, as year/month/day.')).toBeTruthy();
    expect(bodies()).toEqual([]);
    await person.click(permission('Change when it expires'));
    await save();
    await saved();
    expect(bodies()).toEqual([{}]);
  });
});

describe('what is wrong', () => {
  test('is said at once of every field, and nothing is sent', async () => {
    const { person, save, bodies } = await editing();
    await person.clear(name());
    await person.click(permission('notes:read'));
    await person.click(permission('notes:write'));
    await save();
    expect(screen.getByRole('textbox', { name: 'Name', description: /Give it a name/ })).toBeTruthy();
    expect(screen.getByText('Choose at least one permission.')).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(name()));
    expect(bodies()).toEqual([]);
  });

  test('with a name that another token has stands at the name', async () => {
    const { person, save } = await editing();
    await person.clear(name());
    await person.type(name(), 'TAKEN');
    await save();
    await screen.findByRole('textbox', { name: 'Name', description: /You have a token of this name/ });
    await waitFor(() => expect(document.activeElement).toBe(name()));
  });

  test('by the server stands at its field', async () => {
    const { save, server } = await editing();
    server.refuse(PATCH, 400, 'invalid_request', {
      errors: [{ field: 'allowed_cidrs', message: 'host bits are set' }],
    });
    await save();
    const networks = await screen.findByRole('textbox', { description: /host bits are set/ });
    await waitFor(() => expect(document.activeElement).toBe(networks));
  });
});

describe('a refusal', () => {
  test.each([
    [409, 'conflict', /The token was changed meanwhile/, false],
    [409, 'token_not_active', /The token has expired or was revoked meanwhile/, false],
    [403, 'forbidden', /You may not do that/, false],
    [404, 'not_found', /There is no such token/, false],
    [503, 'unavailable', /The service cannot answer right now/, true],
  ])('%i %s says why and loses nothing', async (status, code, sentence, retry) => {
    const { person, save, saved, server, bodies } = await editing();
    await person.type(name(), ' two');
    server.refuse(PATCH, status, code);
    await save();
    const alert = await failed();
    expect(alert.getByText('The token was not changed')).toBeTruthy();
    expect(alert.getByText(sentence)).toBeTruthy();
    expect(name().value).toBe('ci two');
    const again = alert.queryByRole('button', { name: 'Try again' });
    expect(again !== null).toBe(retry);
    if (again) {
      await person.click(again);
      await saved();
      expect(bodies()).toEqual([{ name: 'ci two' }, { name: 'ci two' }]);
    }
  });

  test('that is no answer can be tried again: the same change twice is one', async () => {
    const { person, save, saved, server } = await editing();
    await person.type(name(), ' two');
    server.lose(PATCH);
    await save();
    await person.click((await failed()).getByRole('button', { name: 'Try again' }));
    await saved();
    expect(server.tokens[0]?.name).toBe('ci two');
  });
});

test('a second click sends no second change', async () => {
  const { person, server, saved, bodies } = await editing();
  const release = server.hold(PATCH);
  await person.dblClick(screen.getByRole('button', { name: 'Save' }));
  release();
  await saved();
  expect(bodies()).toHaveLength(1);
});

test('cancelling changes nothing', async () => {
  const { person, bodies, address, there } = await editing();
  await person.type(name(), ' two');
  await person.click(screen.getByRole('button', { name: 'Cancel' }));
  await screen.findByRole('heading', { name: 'ci' });
  expect(bodies()).toEqual([]);
  expect(address()).toBe(`/tokens/${there.id}`);
});

test('a stopped token can be saved as it is, to show that it is needed', async () => {
  const { save, saved, bodies } = await editing({ status: 'disabled' });
  await save();
  await saved();
  expect(bodies()).toEqual([{}]);
});
