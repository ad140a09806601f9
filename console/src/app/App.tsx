import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useState } from 'react';
import { createBrowserRouter, RouterProvider } from 'react-router';
import { connect } from '../api/client';
import { ApiContext, READING } from '../api/use';
import type { Config } from '../session/config';
import type { Session } from '../session/session';
import { Crashed } from './NotFound';
import { Notices } from './notices';
import { PAGES } from './pages';
import { Shell } from './Shell';

/** The console of somebody who is signed in. */
export function App({ config, session }: { config: Config; session: Session }) {
  const [queries] = useState(() => new QueryClient({ defaultOptions: { queries: READING } }));
  const [api] = useState(() => connect(config.api, session));
  const [router] = useState(() =>
    createBrowserRouter([
      {
        element: <Shell session={session} />,
        errorElement: <Crashed />,
        children: PAGES,
      },
    ]),
  );
  return (
    <QueryClientProvider client={queries}>
      <ApiContext value={{ api, address: config.api }}>
        <Notices>
          <RouterProvider router={router} />
        </Notices>
      </ApiContext>
    </QueryClientProvider>
  );
}
