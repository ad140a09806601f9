import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { day, LIMITS, token } from '../testing/sample';
import { FakeServer } from '../testing/server';
import { dialog, dialogs, type Shown, show } from '../testing/show';

const name = () => screen.getByRole<HTMLInputElement>('textbox', { name: 'Name' });
const description = () => screen.getByRole<HTMLTextAreaElement>('textbox', { name: /^Description/ });
const permission = (scope: string) => screen.getByRole<HTMLInputElement>('checkbox', { name: new RegExp(`^${scope}`) });
const submit = () => screen.getByRole('button', { name: 'Create token' });
const created = (what = 'ci') => screen.findByRole('heading', { name: `${what} is created` });
const failed = async () => within(await screen.findByRole('alert'));
const sent = ({ server }: Shown) => server.callsOf('POST /tokens');

/** The form, filled in with the least that makes a token. */
async function filled(shown: Shown): Promise<Shown> {
  await screen.findByRole('textbox', { name: 'Name' });
  await shown.person.type(name(), 'ci');
  await shown.person.click(permission('notes:read'));
  return shown;
}

describe('the form', () => {
  test('sends what was chosen, and shows the value', async () => {
    const shown = await filled(show('/tokens/new'));
    await shown.person.type(description(), 'in the vault');
    await shown.person.click(submit());
    await created();
    expect(sent(shown).map((c) => c.body)).toEqual([
      { name: 'ci', description: 'in the vault', scopes: ['notes:read'], expires_at: null, allowed_cidrs: [] },
    ]);
    expect(screen.getByText(shown.server.values[0] ?? '')).toBeTruthy();
    expect(shown.address()).toBe('/tokens/new');
  });

  test('is sent by the Enter key', async () => {
    const shown = await filled(show('/tokens/new'));
    await shown.person.type(name(), '{Enter}');
    await created();
  });

  test('chooses nothing by itself, and offers only what the person may grant', async () => {
    show('/tokens/new');
    await screen.findByRole('textbox', { name: 'Name' });
    const boxes = screen.getAllByRole<HTMLInputElement>('checkbox');
    expect(boxes.some((b) => b.checked || b.indeterminate)).toBe(false);
    expect(screen.getByText('None chosen')).toBeTruthy();
    expect(permission('credentials')).toBeTruthy();
    expect(screen.queryByRole('checkbox', { name: /introspect/ })).toBeNull();
  });

  test('marks what is sensitive', async () => {
    show('/tokens/new');
    await screen.findByRole('textbox', { name: 'Name' });
    expect(screen.getByRole('checkbox', { name: /^credentials Sensitive/ })).toBeTruthy();
    expect(screen.queryByRole('checkbox', { name: /^notes:read Sensitive/ })).toBeNull();
  });

  test('chooses a whole group by its box, which knows some from all', async () => {
    const { person } = show('/tokens/new');
    await screen.findByRole('textbox', { name: 'Name' });
    const group = () => permission('All of Notes');
    await person.click(permission('notes:write'));
    expect(group()).toMatchObject({ checked: false, indeterminate: true });
    await person.click(permission('notes:read'));
    expect(group()).toMatchObject({ checked: true, indeterminate: false });
    await person.click(group());
    expect([permission('notes:read').checked, permission('notes:write').checked]).toEqual([false, false]);
    await person.click(group());
    expect(screen.getByText('2 chosen')).toBeTruthy();
    expect(permission('profile').checked).toBe(false);
  });

  test('does not end the token unless asked, and says what that means', async () => {
    show('/tokens/new');
    await screen.findByText('It does not expire.');
    expect(screen.getByText(/A token without an end works until somebody deletes it/)).toBeTruthy();
  });

  test('ends it when the person chooses so, and says the date in words', async () => {
    const shown = await filled(show('/tokens/new'));
    const select = createWrapper().findSelect();
    select?.openDropdown();
    select?.selectOptionByValue('30');
    await screen.findByText('It expires on December 24, 2026.');
    expect(screen.queryByText(/A token without an end/)).toBeNull();
    await shown.person.click(submit());
    await created();
    expect(sent(shown)[0]?.body).toMatchObject({ expires_at: '2026-12-24T11:00:00Z' });
  });

  test('ends it with the last day that the person names', async () => {
    const shown = await filled(show('/tokens/new'));
    const select = createWrapper().findSelect();
    select?.openDropdown();
    select?.selectOptionByValue('date');
    createWrapper().findDateInput()?.setInputValue('2027/01/31');
    await screen.findByText('It expires on January 31, 2027.');
    await shown.person.click(submit());
    await created();
    expect(sent(shown)[0]?.body).toMatchObject({ expires_at: '2027-01-31T22:59:59Z' });
  });

  test('takes networks under More', async () => {
    const shown = await filled(show('/tokens/new'));
    await shown.person.click(screen.getByRole('button', { name: 'More' }));
    await shown.person.type(screen.getByRole('textbox', { name: /^Allowed networks/ }), '192.0.2.0/24, 2001:db8::/32');
    await shown.person.click(submit());
    await created();
    expect(sent(shown)[0]?.body).toMatchObject({ allowed_cidrs: ['192.0.2.0/24', '2001:db8::/32'] });
  });

  test('speaks Italian', async () => {
    show('/tokens/new', { language: 'it' });
    await screen.findByRole('textbox', { name: 'Nome' });
    expect(screen.queryByText('Name')).toBeNull();
  });
});

test('what the catalogue says is in no language that we know', async () => {
  show('/tokens/new', { language: 'it' });
  expect((await screen.findByText('Lets notes:read.')).getAttribute('lang')).toBe('');
});

describe('what is wrong', () => {
  test('is said of every field at once, nothing is sent, and the first has the focus', async () => {
    const shown = show('/tokens/new');
    await screen.findByRole('textbox', { name: 'Name' });
    await shown.person.click(submit());
    expect(screen.getByRole('textbox', { name: 'Name', description: /Give it a name\./ })).toBeTruthy();
    expect(screen.getByText('Choose at least one permission.')).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(name()));
    expect(sent(shown)).toEqual([]);
  });

  test('takes the focus to the permissions where only they are missing', async () => {
    const shown = show('/tokens/new');
    await shown.person.type(await screen.findByRole('textbox', { name: 'Name' }), 'ci');
    await shown.person.click(submit());
    await waitFor(() => expect(document.activeElement).toBe(screen.getAllByRole('checkbox')[0]));
    expect(screen.queryByText('Give it a name.')).toBeNull();
  });

  test('with the last day is said where it is typed', async () => {
    const shown = await filled(show('/tokens/new'));
    const select = createWrapper().findSelect();
    select?.openDropdown();
    select?.selectOptionByValue('date');
    await shown.person.click(submit());
    expect(screen.getByText('Choose a day, as year/month/day.')).toBeTruthy();
    createWrapper().findDateInput()?.setInputValue('2026/11/23');
    await shown.person.click(submit());
    expect(screen.getByText('Choose a day that is not over.')).toBeTruthy();
    expect(sent(shown)).toEqual([]);
  });

  test('by the server stands at its field, in its words, and what is folded opens', async () => {
    const shown = await filled(show('/tokens/new'));
    const errors = [
      { field: 'allowed_cidrs', message: 'host bits are set' },
      { field: 'body', message: 'has something odd' },
    ];
    shown.server.refuse('POST /tokens', 400, 'invalid_request', { errors });
    await shown.person.click(submit());
    const networks = await screen.findByRole('textbox', { description: /host bits are set/ });
    await waitFor(() => expect(document.activeElement).toBe(networks));
    expect((await failed()).getByText('body: has something odd')).toBeTruthy();
  });

  test('by the server with several fields takes the focus to the first of the form', async () => {
    const shown = await filled(show('/tokens/new'));
    const errors = [
      { field: 'allowed_cidrs', message: 'host bits are set' },
      { field: 'name', message: 'has an invisible character' },
    ];
    shown.server.refuse('POST /tokens', 400, 'invalid_request', { errors });
    await shown.person.click(submit());
    await screen.findByRole('textbox', { name: 'Name', description: /has an invisible character/ });
    await waitFor(() => expect(document.activeElement).toBe(name()));
    expect(screen.getByText('host bits are set')).toBeTruthy();
  });

  test('by the server is said in Italian, with its own words marked as English', async () => {
    const shown = show('/tokens/new', { language: 'it' });
    await shown.person.type(await screen.findByRole('textbox', { name: 'Nome' }), 'ci');
    await shown.person.click(permission('notes:read'));
    const errors = [{ field: 'expires_at', message: 'must not be later than 2026-12-01T00:00:00Z' }];
    shown.server.refuse('POST /tokens', 400, 'invalid_request', { errors });
    await shown.person.click(screen.getByRole('button', { name: 'Crea token' }));
    const words = await screen.findByText(/must not be later/);
    expect(words.lang).toBe('en');
    expect(words.parentElement?.textContent).toBe(
      'Il server non accetta questo valore: must not be later than 2026-12-01T00:00:00Z',
    );
  });

  test('with an IPv6 network is said in Italian before the server is asked', async () => {
    const shown = show('/tokens/new?name=ci&scopes=notes:read&networks=2001:db8::1/32', { language: 'it' });
    await shown.person.click(await screen.findByRole('button', { name: 'Crea token' }));
    await screen.findByText('2001:db8::1/32 ha bit oltre la sua lunghezza. La rete è 2001:db8::/32.');
    expect(sent(shown)).toEqual([]);
  });

  test('with the name, that another token has, stands at the name', async () => {
    const shown = await filled(show('/tokens/new', { tokens: [token({ name: 'CI' })] }));
    await shown.person.click(submit());
    await screen.findByRole('textbox', {
      name: 'Name',
      description: /You have a token of this name\. Choose another\./,
    });
    await waitFor(() => expect(document.activeElement).toBe(name()));
    expect((await failed()).queryByText(/Your first attempt did create it/)).toBeNull();
    await shown.person.clear(name());
    await shown.person.type(name(), 'ci 2');
    await shown.person.click(submit());
    await created('ci 2');
  });
});

describe('a refusal', () => {
  test.each([
    [409, 'token_limit', 'You have as many tokens as you may. Delete one that you do not need.'],
    [403, 'forbidden', 'You may not do that.'],
    [403, 'insufficient_scope', 'You may not grant one of these permissions any more.'],
    [500, 'internal', 'Something went wrong that we did not foresee.'],
  ])('%i %s says why and loses nothing; trying again is no help', async (status, code, sentence) => {
    const shown = await filled(show('/tokens/new'));
    await shown.person.type(description(), 'in the vault');
    shown.server.refuse('POST /tokens', status, code);
    await shown.person.click(submit());
    const alert = await failed();
    expect(alert.getByText('The token was not created')).toBeTruthy();
    expect(alert.getByText(sentence)).toBeTruthy();
    expect(alert.queryByRole('button', { name: 'Try again' })).toBeNull();
    expect(alert.queryByText('Request id: request-1') !== null).toBe(status === 500);
    expect([name().value, description().value, permission('notes:read').checked]).toEqual(['ci', 'in the vault', true]);
  });

  test.each([
    [503, 'unavailable', 'The service cannot answer right now. Try again in a moment.'],
    [429, 'too_many_requests', 'Too much was asked at once. Try again in a moment.'],
  ])('%i %s offers to try again, with what was typed', async (status, code, sentence) => {
    const shown = await filled(show('/tokens/new'));
    shown.server.refuse('POST /tokens', status, code);
    await shown.person.click(submit());
    const alert = await failed();
    expect(alert.getByText(sentence)).toBeTruthy();
    expect(name().value).toBe('ci');
    await shown.person.click(alert.getByRole('button', { name: 'Try again' }));
    await created();
    const [first, second] = sent(shown);
    expect(second?.body).toEqual(first?.body);
  });

  test('for want of a session lets the person sign in, and goes on', async () => {
    const around = {
      signInAgain: async () => {
        shown.server.session = 'session-2';
      },
    };
    const shown = await filled(show('/tokens/new', around));
    shown.server.refuse('POST /tokens', 401, 'unauthorized');
    await shown.person.click(submit());
    await created();
    expect(sent(shown).map((c) => c.authorization)).toEqual(['Bearer session-1', 'Bearer session-2']);
  });

  test('for want of a session, of somebody who would rather not sign in, loses nothing', async () => {
    const shown = await filled(show('/tokens/new'));
    shown.server.refuse('POST /tokens', 401, 'unauthorized');
    await shown.person.click(submit());
    expect((await failed()).getByText('You have to sign in again for that.')).toBeTruthy();
    expect(name().value).toBe('ci');
  });
});

describe('no answer', () => {
  test('says that it may have been done, and what to do', async () => {
    const shown = await filled(show('/tokens/new'));
    shown.server.cutOff('POST /tokens');
    await shown.person.click(submit());
    const alert = await failed();
    expect(alert.getByText('No answer came. Check your connection and try again.')).toBeTruthy();
    expect(alert.getByText(/The token may have been created without its value reaching you/)).toBeTruthy();
    expect(sent(shown)).toHaveLength(1); // never again by itself
    await shown.person.click(alert.getByRole('button', { name: 'Try again' }));
    await created();
  });

  test('to what was done leads to the token that there is', async () => {
    const shown = await filled(show('/tokens/new'));
    shown.server.lose('POST /tokens');
    await shown.person.click(submit());
    await shown.person.click((await failed()).getByRole('button', { name: 'Try again' }));
    expect(
      await screen.findByText(
        'Your first attempt did create it. Find it in the list and rotate it: that gives you a value.',
      ),
    ).toBeTruthy();
    expect(shown.server.tokens).toHaveLength(1);
  });

  test('then another name that is taken is no news of the first attempt', async () => {
    const shown = await filled(show('/tokens/new', { tokens: [token({ name: 'deploy' })] }));
    shown.server.cutOff('POST /tokens');
    await shown.person.click(submit());
    await failed();
    await shown.person.clear(name());
    await shown.person.type(name(), 'deploy');
    await shown.person.click(submit());
    await screen.findByRole('textbox', { description: /You have a token of this name/ });
    expect(screen.queryByText(/Your first attempt did create it/)).toBeNull();
  });
});

describe('while it is created', () => {
  test('a second click makes no second token', async () => {
    const shown = await filled(show('/tokens/new'));
    const release = shown.server.hold('POST /tokens');
    await shown.person.dblClick(submit());
    await shown.person.type(name(), '{Enter}');
    release();
    await created();
    expect(sent(shown)).toHaveLength(1);
    expect(shown.server.tokens).toHaveLength(1);
  });

  test('leaving asks first; who stays sees the value', async () => {
    const shown = await filled(show('/tokens/new'));
    const release = shown.server.hold('POST /tokens');
    await shown.person.click(submit());
    await shown.go('/configuration');
    const question = await dialog();
    expect(question.getByText(/If you leave now, you will never see its value/)).toBeTruthy();
    await shown.person.click(question.getByRole('button', { name: 'Stay' }));
    release();
    await created();
    expect(shown.address()).toBe('/tokens/new');
  });

  test('the question goes away when there is a value to see', async () => {
    const shown = await filled(show('/tokens/new'));
    const release = shown.server.hold('POST /tokens');
    await shown.person.click(submit());
    await shown.go('/configuration');
    await dialog();
    release();
    await created();
    await waitFor(() => expect(dialogs()).toEqual([]));
    expect(shown.address()).toBe('/tokens/new');
  });
});

describe('an address that fills in the form', () => {
  test('says so, for the person to check', async () => {
    const shown = show('/tokens/new?name=ci&scopes=notes:read&days=7');
    await screen.findByText('The address you came by has chosen permissions. Check that you want each of them.');
    expect(name().value).toBe('ci');
    expect(permission('notes:read').checked).toBe(true);
    await shown.person.click(submit());
    await created();
    expect(sent(shown)[0]?.body).toMatchObject({ scopes: ['notes:read'], expires_at: '2026-12-01T11:00:00Z' });
  });

  test('never chooses what the person may not grant, and names it', async () => {
    const shown = show('/tokens/new?name=ci&scopes=introspect,admin');
    await screen.findByText(/permissions that do not exist or that you may not grant: introspect(,| and) admin/);
    expect(screen.queryByText(/has chosen permissions/)).toBeNull();
    await shown.person.click(submit());
    expect(screen.getByText('Choose at least one permission.')).toBeTruthy();
    expect(sent(shown)).toEqual([]);
  });

  test('never creates anything by itself', async () => {
    const shown = show('/tokens/new?name=ci&scopes=notes:read');
    await screen.findByRole('textbox', { name: 'Name' });
    expect(sent(shown)).toEqual([]);
  });

  test('may ask for any number of days', async () => {
    show('/tokens/new?name=ci&scopes=notes:read&days=45');
    await screen.findByText('It expires on January 8, 2027.');
    expect(createWrapper().findSelect()?.findTrigger().getElement().textContent).toContain('45 days');
  });
});

describe('the permissions', () => {
  test('that cannot be read are said so, with a way to try again', async () => {
    const shown = show('/tokens/new');
    shown.server.refuse('GET /scopes', 503, 'unavailable', {}, 3);
    const alert = await failed();
    expect(alert.getByText('The permissions cannot be read')).toBeTruthy();
    await shown.person.click(alert.getByRole('button', { name: 'Try again' }));
    await screen.findByRole('textbox', { name: 'Name' });
  });

  test('are searched for when there are many', async () => {
    const shown = show('/tokens/new');
    shown.server.scopes = Array.from({ length: 20 }, (_, i) => ({
      name: `s${i}`,
      description: i === 7 ? 'Seven.' : 'Another.',
      category: 'All',
      sensitive: false,
      grantable: true,
    }));
    await shown.person.type(await screen.findByRole('searchbox', { name: 'Find a permission' }), 'seven');
    expect(screen.getAllByRole('checkbox')).toHaveLength(2); // the group and s7
  });
});

describe('a policy', () => {
  const under = (part: Partial<typeof LIMITS>) => {
    const server = new FakeServer();
    server.limits = { ...LIMITS, ...part };
    return show('/tokens/new', { server });
  };

  test('with a default preselects it, and without one nothing', async () => {
    const shown = await filled(under({ default_lifetime_days: 30 }));
    await shown.person.click(submit());
    await created();
    expect(sent(shown).map((c) => (c.body as { expires_at: string }).expires_at)).toEqual([day(30)]);
  });

  test('with a maximum says it, offers nothing beyond and never an endless token', async () => {
    const { person } = under({ max_lifetime_days: 60 });
    await screen.findByText(/let tokens live for 60 days at most/);
    await person.click(screen.getByRole('button', { name: /^Expiration/ }));
    const offered = screen.getAllByRole('option').map((o) => o.textContent);
    expect(offered.map((o) => o?.split(/(?<=days|Custom|year)/)[0])).toEqual([
      '7 days',
      '30 days',
      '60 days',
      'Custom',
    ]);
  });

  test('that lets the person create none says so, and shows no form', async () => {
    under({ may_create: false });
    await screen.findByText(/Your administrators decide who may create tokens/);
    expect(screen.queryByRole('textbox', { name: 'Name' })).toBeNull();
  });

  test('that cannot be read is asked for again', async () => {
    const server = new FakeServer();
    server.refuse('GET /limits', 500, 'internal');
    const { person } = show('/tokens/new', { server });
    await person.click(await screen.findByRole('button', { name: 'Try again' }));
    await screen.findByRole('textbox', { name: 'Name' });
  });
});
