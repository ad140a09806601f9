import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useState } from 'react';

/** What is read page by page, by the server's cursor. */
export interface Paged<T> {
  rows: T[];
  /** The first page is on its way. */
  loading: boolean;
  /** Fetches the next page, where there is one, and some more while they show hardly anything new. */
  more: (() => void) | null;
  /** A further page is on its way. */
  fetching: boolean;
  failure: Error | null;
  refresh(): void;
  refreshing: boolean;
}

/** Pages that are fetched at a time, while there is hardly anything to see. */
const EAGER = 10;
const ENOUGH = 20;

/**
 * A page may hold less than was asked for, even nothing, while more follow; and
 * what it holds may be less to see: seen counts that.
 */
export function usePaged<T>(
  key: readonly unknown[],
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<{ rows: T[]; next_cursor?: string }>,
  seen: (rows: T[]) => number = (rows) => rows.length,
): Paged<T> {
  const of = JSON.stringify(key);
  const first = { of, rows: ENOUGH, pages: EAGER };
  const [asked, setAsked] = useState(first);
  const goal = asked.of === of ? asked : first;
  const query = useInfiniteQuery({
    queryKey: key,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    getNextPageParam: (page) => page.next_cursor,
  });
  const { data, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, refetch } = query;
  const rows = data?.pages.flatMap((p) => p.rows) ?? [];
  const pages = data?.pages.length ?? 0;
  const there = seen(rows);
  const eager = hasNextPage && !isFetchNextPageError && there < goal.rows && pages < goal.pages;
  const more = () => {
    setAsked({ of, rows: there + ENOUGH, pages: pages + EAGER });
    void fetchNextPage();
  };
  useEffect(() => {
    if (eager && pages > 0 && !isFetchingNextPage) void fetchNextPage();
  }, [eager, pages, isFetchingNextPage, fetchNextPage]);
  return {
    rows,
    loading: query.isPending,
    more: hasNextPage ? more : null,
    fetching: isFetchingNextPage,
    failure: query.error,
    refresh: useCallback(() => void refetch(), [refetch]),
    refreshing: query.isRefetching && !isFetchingNextPage,
  };
}
