import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, render, waitFor, within } from '@testing-library/react';
import userEvent, { type UserEvent } from '@testing-library/user-event';
import type { ReactElement } from 'react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { expect, vi } from 'vitest';
import { type Bearer, connect, type Token } from '../api/client';
import { Failure } from '../api/failure';
import { ApiContext, READING } from '../api/use';
import { Notices } from '../app/notices';
import { Clock } from '../app/now';
import { PAGES } from '../app/pages';
import { type Language, Settings } from '../app/settings';
import { NOW } from './sample';
import { FakeServer } from './server';

interface Around {
  tokens?: Token[];
  /** Instead of tokens, a server that a test has prepared. */
  server?: FakeServer;
  now?: number;
  language?: Language;
  /** What stands around the pages. */
  frame?: ReactElement;
  /** What the person does when asked to sign in again; by default they do not. */
  signInAgain?: Bearer['signInAgain'];
}

export interface Shown {
  server: FakeServer;
  queries: QueryClient;
  router: ReturnType<typeof createMemoryRouter>;
  person: UserEvent;
  /** The address of the page, as the browser would show it. */
  address(): string;
  /** Goes where a link or the back button would lead; a page may ask first. */
  go(to: string | number): Promise<void>;
}

/** Shows the page at an address as the console does: every provider, the router and the API's client are the real ones. */
export function show(path: string, around: Around = {}): Shown {
  const { tokens = [], server = new FakeServer(tokens), now = NOW, language = 'en' } = around;
  vi.setSystemTime(now);
  vi.stubGlobal('fetch', server.fetch);
  window.localStorage.setItem('counterfoil.language', language);
  const bearer: Bearer = {
    accessToken: async () => server.session,
    signInAgain: around.signInAgain ?? (() => Promise.reject(new Failure('session_ended'))),
  };
  const api = connect('http://api.test', bearer);
  // A retry waits for nothing here.
  const queries = new QueryClient({
    defaultOptions: { queries: { ...READING, retryDelay: 0 } },
  });
  const router = createMemoryRouter(around.frame ? [{ element: around.frame, children: PAGES }] : PAGES, {
    initialEntries: [path],
  });
  render(
    <Settings>
      <QueryClientProvider client={queries}>
        <ApiContext value={{ api, address: 'http://api.test' }}>
          <Clock value={Date.now}>
            <Notices>
              <RouterProvider router={router} />
            </Notices>
          </Clock>
        </ApiContext>
      </QueryClientProvider>
    </Settings>,
  );
  return {
    server,
    queries,
    router,
    person: userEvent.setup(),
    go: (to) => act(() => (typeof to === 'number' ? router.navigate(to) : router.navigate(to))),
    address: () => router.state.location.pathname + router.state.location.search,
  };
}

/** The dialogs that can be seen: a closed one stays in the document. */
export function dialogs(): HTMLElement[] {
  return createWrapper()
    .findAllModals()
    .filter((modal) => modal.isVisible())
    .map((modal) => modal.getElement());
}

/** The one that can be seen, when there is one. */
export async function dialog() {
  return within(
    await waitFor(() => {
      const [open, ...more] = dialogs();
      expect(more).toEqual([]);
      if (!open) throw new Error('no dialog is open');
      return open;
    }),
  );
}
