import {
  type InfiniteData,
  type QueryClient,
  type UseQueryResult,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo } from 'react';
import { type Api, answer, type Limits, type Scope, type Token, type Whoami } from './client';
import { Failure } from './failure';

/** The API and its address, which a person can paste. */
export const ApiContext = createContext<{ api: Api; address: string } | null>(null);

export function useApi(): { api: Api; address: string } {
  const context = useContext(ApiContext);
  if (!context) throw new Error('outside of ApiContext');
  return context;
}

/** Reading is tried again while that may help; what a person must act on is not. */
export function retryPassing(count: number, thrown: Error): boolean {
  return count < 2 && thrown instanceof Failure && thrown.passing;
}

/** How everything is read. Without a connection too: a page that waits for one would say nothing. */
export const READING = { retry: retryPassing, staleTime: 5_000, networkMode: 'always' } as const;

/** Who is signed in. */
export function useMe(): UseQueryResult<Whoami> {
  const { api } = useApi();
  return useQuery({
    queryKey: ['whoami'],
    staleTime: Infinity,
    queryFn: ({ signal }) => answer(api.GET('/whoami', { signal })) as Promise<Whoami>,
  });
}

/** The scope catalogue, as far as this person may grant it. */
export function useScopes(): UseQueryResult<Scope[]> {
  const { api } = useApi();
  return useQuery({
    queryKey: ['scopes'],
    queryFn: async ({ signal }) => (await answer(api.GET('/scopes', { signal }))).scopes,
  });
}

/** What the administrators' policy means for this person. */
export function useLimits(): UseQueryResult<Limits> {
  const { api } = useApi();
  return useQuery({
    queryKey: ['limits'],
    queryFn: ({ signal }) => answer(api.GET('/limits', { signal })),
  });
}

const TOKENS = ['tokens'] as const;
type Pages = InfiniteData<{ tokens: Token[]; next_cursor?: string }, string | undefined>;

/** Pages that are fetched without being asked for: of 100 tokens each. */
const EAGER = 10;

export interface Tokens {
  tokens: Token[];
  /** The first page is on its way. */
  loading: boolean;
  /** Some tokens have not arrived yet: counts are not final. */
  partial: boolean;
  /** Fetches the next page, where the server has one and it is not coming by itself. */
  more: (() => void) | null;
  failure: Error | null;
  refresh(): void;
  refreshing: boolean;
}

/** The person's tokens. Pages follow each other by the server's cursor, the first thousand by themselves. */
export function useTokens(): Tokens {
  const { api } = useApi();
  const query = useInfiniteQuery({
    queryKey: TOKENS,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET('/tokens', { params: { query: { limit: 100, cursor: pageParam } }, signal })),
    getNextPageParam: (page) => page.next_cursor,
  });
  const { data, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, refetch } = query;
  const pages = data?.pages.length ?? 0;
  const eager = hasNextPage && !isFetchNextPageError && pages < EAGER;
  useEffect(() => {
    // By the number of pages: a quick answer is never drawn as being fetched.
    if (eager && pages > 0 && !isFetchingNextPage) void fetchNextPage();
  }, [eager, pages, isFetchingNextPage, fetchNextPage]);
  const tokens = useMemo(() => data?.pages.flatMap((p) => p.tokens) ?? [], [data]);
  return {
    tokens,
    loading: query.isPending,
    partial: hasNextPage,
    more: hasNextPage && !eager && !isFetchingNextPage ? () => void fetchNextPage() : null,
    failure: query.error,
    refresh: useCallback(() => void refetch(), [refetch]),
    refreshing: query.isRefetching,
  };
}

/** One token. What the list knows of it is shown until the answer comes. */
export function useToken(id: string): UseQueryResult<Token> {
  const { api } = useApi();
  const queries = useQueryClient();
  return useQuery<Token>({
    queryKey: ['token', id],
    queryFn: ({ signal }) => answer(api.GET('/tokens/{id}', { params: { path: { id } }, signal })),
    placeholderData: (): Token | undefined =>
      queries
        .getQueryData<Pages>(TOKENS)
        ?.pages.flatMap((p) => p.tokens)
        .find((token) => token.id === id),
  });
}

/** Returns what a page calls after a change: lists and details are read again. */
export function useChanged(): (token?: Token) => Promise<void> {
  const queries = useQueryClient();
  return useCallback(
    async (token?: Token) => {
      if (token) put(queries, token);
      await queries.invalidateQueries({ queryKey: TOKENS });
      await queries.invalidateQueries({ queryKey: ['token'] });
      await queries.invalidateQueries({ queryKey: ['trail'] });
      await queries.invalidateQueries({ queryKey: ['admin'] });
    },
    [queries],
  );
}

function put(queries: QueryClient, token: Token): void {
  queries.setQueryData(['token', token.id], token);
  queries.setQueryData<Pages>(
    TOKENS,
    (old) =>
      old && {
        ...old,
        pages: old.pages.map((p) => ({ ...p, tokens: p.tokens.map((t) => (t.id === token.id ? token : t)) })),
      },
  );
}
