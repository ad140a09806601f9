import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useEffect } from 'react';

/** What is read page by page, by the server's cursor. */
export interface Paged<T> {
  rows: T[];
  /** The first page is on its way. */
  loading: boolean;
  /** Fetches the next page, where there is one. */
  more: (() => void) | null;
  /** A further page is on its way. */
  fetching: boolean;
  failure: Error | null;
  refresh(): void;
  refreshing: boolean;
}

/** Pages that are fetched without being asked for, while there is hardly anything to see. */
const EAGER = 10;
const ENOUGH = 20;

/** A page may hold less than was asked for, even nothing, while more follow. */
export function usePaged<T>(
  key: readonly unknown[],
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<{ rows: T[]; next_cursor?: string }>,
): Paged<T> {
  const query = useInfiniteQuery({
    queryKey: key,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    getNextPageParam: (page) => page.next_cursor,
  });
  const { data, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, refetch } = query;
  const rows = data?.pages.flatMap((p) => p.rows) ?? [];
  const pages = data?.pages.length ?? 0;
  const eager = hasNextPage && !isFetchNextPageError && rows.length < ENOUGH && pages < EAGER;
  useEffect(() => {
    if (eager && pages > 0 && !isFetchingNextPage) void fetchNextPage();
  }, [eager, pages, isFetchingNextPage, fetchNextPage]);
  return {
    rows,
    loading: query.isPending,
    more: hasNextPage ? () => void fetchNextPage() : null,
    fetching: isFetchingNextPage,
    failure: query.error,
    refresh: useCallback(() => void refetch(), [refetch]),
    refreshing: query.isRefetching && !isFetchingNextPage,
  };
}
