import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { answer, type Profile, type Token, type TokenPolicy } from '../api/client';
import { type Paged, usePaged } from '../api/paged';
import { useApi, useLimits } from '../api/use';

/** Whether this person is an administrator: undefined until that is known. */
export interface Admin {
  is: boolean | undefined;
  failure: Error | null;
  retry(): void;
}

/** Which group the administrators' is, only the server knows. */
export function useAdmin(): Admin {
  const limits = useLimits();
  return { is: limits.data?.may_administer, failure: limits.error, retry: () => void limits.refetch() };
}

export function useAdminPolicy(): UseQueryResult<TokenPolicy> {
  const { api } = useApi();
  return useQuery({
    queryKey: ['admin', 'policy'],
    queryFn: ({ signal }) => answer(api.GET('/admin/policy', { signal })),
  });
}

/** What a list of all tokens can be narrowed to. */
export const STATUSES = ['all', 'active', 'disabled', 'expired', 'revoked'] as const;
export type StatusFilter = (typeof STATUSES)[number];

/** Everybody's tokens, or one owner's. */
export function useAllTokens(owner: string, status: StatusFilter): Paged<Token> {
  const { api } = useApi();
  return usePaged(['admin', 'tokens', owner, status], async (cursor, signal) => {
    const query = { limit: 50, cursor, status, owner: owner === '' ? undefined : owner };
    const { tokens, next_cursor } = await answer(api.GET('/admin/tokens', { params: { query }, signal }));
    return { rows: tokens, next_cursor };
  });
}

export function useAnyToken(id: string): UseQueryResult<Token> {
  const { api } = useApi();
  return useQuery({
    queryKey: ['admin', 'token', id],
    queryFn: ({ signal }) => answer(api.GET('/admin/tokens/{id}', { params: { path: { id } }, signal })),
  });
}

export function usePerson(sub: string): UseQueryResult<Profile> {
  const { api } = useApi();
  return useQuery({
    queryKey: ['admin', 'person', sub],
    queryFn: ({ signal }) => answer(api.GET('/admin/people', { params: { query: { sub } }, signal })),
  });
}
