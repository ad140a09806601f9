import type { TopNavigationProps } from '@cloudscape-design/components/top-navigation';
import { screen, waitFor } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import { Shell } from '../app/Shell';
import type { Session } from '../session/session';
import { FakeServer } from '../testing/server';
import { show } from '../testing/show';

const LIMITS = 'GET /limits';

/** A server at which this person has these groups. */
function serverFor(...groups: string[]): FakeServer {
  const server = new FakeServer();
  server.me = { ...server.me, groups };
  return server;
}

// The real bar measures itself, which nothing does here.
vi.mock('@cloudscape-design/components/top-navigation', () => ({
  default: ({ utilities = [] }: TopNavigationProps) => {
    const menu = utilities.at(-1);
    return <nav>{menu?.type === 'menu-dropdown' && menu.items.map(({ id, text }) => <i key={id}>{text}</i>)}</nav>;
  },
}));

describe('the menu', () => {
  const session = { lapse: null, subscribe: () => () => {} } as unknown as Session;
  async function menu(server: FakeServer, more = {}) {
    const shown = show('/configuration', { server, frame: <Shell session={session} />, ...more });
    await screen.findByText('No tokens yet');
    const items = () => [...document.querySelectorAll('nav > i')].map((i) => i.textContent);
    return { ...shown, items };
  }

  test('leads an administrator to the section', async () => {
    const { server, items } = await menu(serverFor('users', 'admins'));
    await waitFor(() => expect(items()).toContain('Administration'));
    // It asks for nothing that only administrators may have: that could want a recent sign-in.
    expect(server.calls.filter((c) => c.route.includes('/admin/'))).toEqual([]);
  });

  test('leads nobody else there', async () => {
    const { items, queries } = await menu(serverFor('users'));
    await waitFor(() => expect(queries.getQueryData(['limits'])).toMatchObject({ may_administer: false }));
    expect(items()).toEqual(['Configuration', 'Sign out']);
  });
});

describe('the section', () => {
  test.each(['/admin/policy', '/admin/tokens', '/admin/people', '/admin/trail'])(
    'at %s is for administrators',
    async (path) => {
      const { server } = show(path, { server: serverFor('users') });
      await screen.findByText('This section is for administrators.');
      expect(server.calls.map((c) => c.route).toSorted()).toEqual([LIMITS]);
    },
  );

  test('begins with the policy, and leads to the others', async () => {
    const { person, address } = show('/admin', { server: serverFor('admins') });
    await screen.findByRole('button', { name: 'Preview' });
    expect(address()).toBe('/admin/policy');
    for (const [name, path] of [
      ['All tokens', '/admin/tokens'],
      ['People', '/admin/people'],
      ['Trail', '/admin/trail'],
    ] as const) {
      await person.click(screen.getByRole('tab', { name }));
      expect(address()).toBe(path);
      expect(await screen.findByRole('heading', { level: 1, name })).toBeTruthy();
    }
  });

  test('that cannot be judged says so, and can be tried again', async () => {
    const server = serverFor('admins');
    server.refuse(LIMITS, 503, 'unavailable', {}, 3);
    const { person } = show('/admin/people', { server });
    await screen.findByText('The administration cannot be shown');
    await person.click(screen.getByRole('button', { name: 'Try again' }));
    await screen.findByText(/Name a person/);
  });

  test('speaks Italian', async () => {
    show('/admin/trail', { server: serverFor('admins'), language: 'it' });
    await screen.findByRole('tab', { name: 'Cronologia' });
    await screen.findByText('Non è ancora successo nulla.');
  });
});
