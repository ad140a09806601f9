import { Navigate, type RouteObject } from 'react-router';
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
  { path: '*', element: <NotFound /> },
];
