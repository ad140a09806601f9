import { createContext, useContext, useEffect, useState } from 'react';

/** The clock: tests set it. */
export const Clock = createContext<() => number>(Date.now);

/** Returns the time in ms, a new one every minute: what a page says of time grows old. */
export function useNow(): number {
  const clock = useContext(Clock);
  const [now, setNow] = useState(clock);
  useEffect(() => {
    const ticking = setInterval(() => setNow(clock()), 60_000);
    return () => clearInterval(ticking);
  }, [clock]);
  return now;
}
