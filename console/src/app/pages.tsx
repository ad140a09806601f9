import { Navigate, type RouteObject } from 'react-router';
import { AdminSection } from '../admin/AdminSection';
import { PeoplePage } from '../admin/PeoplePage';
import { PolicyPage } from '../admin/PolicyPage';
import { TokensPage } from '../admin/TokensPage';
import { TrailPage } from '../admin/TrailPage';
import { ConfigurationPage } from '../configuration/ConfigurationPage';
import { CreatePage } from '../create/CreatePage';
import { DetailsPage } from '../details/DetailsPage';
import { NotFound } from './NotFound';

/** Every page of somebody who is signed in, by its address. */
export const PAGES: RouteObject[] = [
  { path: '/', element: <Navigate to="/configuration" replace /> },
  { path: '/configuration', element: <ConfigurationPage /> },
  { path: '/tokens/new', element: <CreatePage /> },
  { path: '/tokens/:id', element: <DetailsPage /> },
  {
    path: '/admin',
    element: <AdminSection />,
    children: [
      { index: true, element: <Navigate to="/admin/policy" replace /> },
      { path: 'policy', element: <PolicyPage /> },
      { path: 'tokens', element: <TokensPage /> },
      { path: 'people', element: <PeoplePage /> },
      { path: 'trail', element: <TrailPage /> },
    ],
  },
  { path: '*', element: <NotFound /> },
];
