import { fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import { dialog, dialogs, type Shown, show } from '../testing/show';

/** The page after a token was created, and the value that it shows. */
async function made(): Promise<Shown & { value: string }> {
  const shown = show(ADDRESS);
  await shown.person.click(await screen.findByRole('button', { name: 'Create token' }));
  await screen.findByRole('heading', { name: 'ci is created' });
  const [value = 'none'] = shown.server.values;
  return { ...shown, value };
}

const ADDRESS = '/tokens/new?name=ci&scopes=notes:read';
const copy = (what: string) => screen.getByRole('button', { name: `Copy: ${what}` });
/** Copies, and waits until the page knows: *Done* asks before. */
const copied = async ({ person }: Shown, what = 'Token value') => {
  await person.click(copy(what));
  await screen.findByText('Copied');
};
const done = () => screen.getByRole('button', { name: 'Done' });
const configuration = () => screen.findByRole('heading', { name: 'Configuration' });

/** Everything that may keep what the page shows, or did. */
function kept({ queries, router }: Shown): string {
  const seen = new Set<unknown>();
  return JSON.stringify(
    [
      document.title,
      queries.getQueryCache().getAll(),
      queries.getMutationCache().getAll(),
      router.state,
      window.history.state,
      window.location.href,
      { ...window.localStorage },
      { ...window.sessionStorage },
    ],
    (_, value) => {
      if (typeof value !== 'object' || value === null) return value;
      if (seen.has(value) || value instanceof Node) return undefined;
      seen.add(value);
      return value;
    },
  );
}

const leftovers = (shown: Shown) => kept(shown) + document.documentElement.outerHTML;

describe('the value', () => {
  test('is shown once, as it is, and nowhere else on the page', async () => {
    const { value } = await made();
    const places = screen.getAllByText(
      (_, element) => element?.children.length === 0 && !!element.textContent?.includes(value),
    );
    expect(places).toHaveLength(1);
    expect(places[0]?.tagName).toBe('CODE');
    expect(places[0]?.getAttribute('translate')).toBe('no');
    expect(document.body.outerHTML.split(value)).toHaveLength(2); // in no attribute either
  });

  test('comes with how to use it, without repeating it', async () => {
    const { value } = await made();
    expect(screen.getByText(`export COUNTERFOIL_TOKEN=${value.slice(0, 10)}…`)).toBeTruthy();
    expect(screen.getByText('curl http://api.test/whoami -H "Authorization: Bearer $COUNTERFOIL_TOKEN"')).toBeTruthy();
  });

  test('is the first thing that a reader of the screen comes to', async () => {
    await made();
    expect(document.activeElement?.contains(screen.getByText('Copy the value now'))).toBe(true);
  });

  test('never stands in the address, nor in what the browser keeps', async () => {
    const shown = await made();
    expect(kept(shown)).not.toContain(shown.value.slice(16));
    expect(kept(shown)).toContain('notes:read'); // the search looks at the right things
    expect(shown.address()).toBe(ADDRESS);
  });
});

describe('copying', () => {
  test('gives the whole value, and says only that it did', async () => {
    const { person, value } = await made();
    await person.click(copy('Token value'));
    expect(await navigator.clipboard.readText()).toBe(value);
    await screen.findByText('Copied');
    const announced = document.querySelectorAll('[aria-live], [role="status"], [role="alert"]');
    expect([...announced].filter((e) => e.textContent?.includes(value.slice(16)))).toEqual([]);
    expect(announced.length).toBeGreaterThan(0);
  });

  test('the line of a shell gives what stays out of its history, with the value in it', async () => {
    const shown = await made();
    await copied(shown, 'In a shell');
    expect(await navigator.clipboard.readText()).toBe(` export COUNTERFOIL_TOKEN=${shown.value}`);
    await shown.person.click(done());
    await configuration();
  });

  test('where the browser forbids it marks the value, and says so', async () => {
    const { person, value } = await made();
    vi.spyOn(navigator.clipboard, 'writeText').mockRejectedValue(new DOMException('no', 'NotAllowedError'));
    await person.click(copy('Token value'));
    await screen.findByText(/The browser does not let this page copy/);
    expect(window.getSelection()?.toString()).toBe(value);
    expect(screen.queryByText('Copied')).toBeNull();
    await person.click(done());
    expect((await dialog()).getByText('You have not copied the value')).toBeTruthy();
  });

  test('where there is no clipboard at all, as over plain HTTP, is the same', async () => {
    const { person, value } = await made();
    vi.spyOn(navigator, 'clipboard', 'get').mockReturnValue(undefined as unknown as Clipboard);
    await person.click(copy('Token value'));
    await screen.findByText(/The browser does not let this page copy/);
    expect(window.getSelection()?.toString()).toBe(value);
  });

  test('by hand counts', async () => {
    const { person, value } = await made();
    fireEvent.copy(screen.getByText(value));
    await person.click(done());
    await configuration();
  });
});

describe('Done', () => {
  test('after copying leads to the list, which says that the token is ready', async () => {
    const shown = await made();
    await copied(shown);
    await shown.person.click(done());
    await configuration();
    expect(shown.address()).toBe('/configuration');
    expect(dialogs()).toEqual([]);
    await screen.findByText('The token ci is ready.');
    expect(await screen.findByRole('link', { name: 'ci' })).toBeTruthy();
  });

  test.each([
    ['nothing was copied', async () => {}],
    ['only the check was', ({ person }: Shown) => person.click(copy('See that it works'))],
  ])('asks where %s; back leads to the value', async (_, before) => {
    const shown = await made();
    await before(shown);
    await shown.person.click(done());
    const question = await dialog();
    expect(question.getByText(/Without it, you would have to rotate or delete the token/)).toBeTruthy();
    await shown.person.click(question.getByRole('button', { name: 'Back to the value' }));
    expect(dialogs()).toEqual([]);
    expect(screen.getByText(shown.value)).toBeTruthy();
    expect(shown.address()).toBe(ADDRESS);
  });

  test('without copying is possible, for who wants that', async () => {
    const { person, address } = await made();
    await person.click(done());
    await person.click((await dialog()).getByRole('button', { name: 'Done without copying' }));
    await configuration();
    expect(address()).toBe('/configuration');
  });

  test('leaves the value nowhere', async () => {
    const shown = await made();
    await copied(shown);
    await shown.person.click(done());
    await screen.findByRole('link', { name: 'ci' });
    const left = leftovers(shown);
    expect(left).toContain('cfoil_'); // the hint of the list: the search looks at the right things
    expect(left).not.toContain(shown.value.slice(16));
  });

  test('leaves nothing to go back to', async () => {
    const shown = await made();
    await copied(shown);
    await shown.person.click(done());
    await configuration();
    await shown.go(-1);
    expect(shown.address()).toBe('/configuration');
    expect(document.body.textContent).not.toContain(shown.value.slice(16));
  });
});

describe('leaving otherwise', () => {
  test('asks first, and who stays still sees the value', async () => {
    const { person, go, value, address } = await made();
    await go('/configuration');
    const question = await dialog();
    expect(question.getByText(/The value of this token is shown only here/)).toBeTruthy();
    await person.click(question.getByRole('button', { name: 'Stay' }));
    expect(address()).toBe(ADDRESS);
    expect(screen.getByText(value)).toBeTruthy();
  });

  test('asks even after copying: it is never shown again', async () => {
    const { person, go } = await made();
    await person.click(copy('Token value'));
    await go('/configuration');
    expect((await dialog()).getByRole('button', { name: 'Leave' })).toBeTruthy();
  });

  test('leaves the value nowhere', async () => {
    const shown = await made();
    await shown.go('/configuration');
    await shown.person.click((await dialog()).getByRole('button', { name: 'Leave' }));
    await screen.findByRole('link', { name: 'ci' });
    expect(leftovers(shown)).not.toContain(shown.value.slice(16));
  });

  test('by closing the window makes the browser ask, until Done', async () => {
    const shown = await made();
    const closing = () => {
      const event = new Event('beforeunload', { cancelable: true });
      window.dispatchEvent(event);
      return event.defaultPrevented ? 'asks' : 'closes';
    };
    expect(closing()).toBe('asks');
    await copied(shown);
    expect(closing()).toBe('asks');
    await shown.person.click(done());
    await configuration();
    await waitFor(() => expect(closing()).toBe('closes'));
  });
});

test('a rotated token shows its new value the same way, and stays on its page', async () => {
  const shown = show(ADDRESS);
  await shown.person.click(await screen.findByRole('button', { name: 'Create token' }));
  await screen.findByRole('heading', { name: 'ci is created' });
  await copied(shown);
  await shown.person.click(done());
  await shown.person.click(await screen.findByRole('link', { name: 'ci' }));
  await shown.person.click(await screen.findByRole('button', { name: 'Rotate' }));
  await shown.person.click((await dialog()).getByRole('button', { name: 'Rotate' }));
  await screen.findByRole('heading', { name: 'ci has a new value' });
  const [first = '', second = 'none'] = shown.server.values;
  expect(document.body.textContent).toContain(second);
  expect(document.body.textContent).not.toContain(first.slice(16));
  await copied(shown);
  await shown.person.click(done());
  await screen.findByRole('heading', { name: 'Details' });
  expect(leftovers(shown)).not.toContain(second.slice(16));
  expect(shown.address()).toBe(`/tokens/${shown.server.tokens[0]?.id}`);
});
