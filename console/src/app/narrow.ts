import { useSyncExternalStore } from 'react';

const query = '(max-width: 688px)'; // Cloudscape's own step between phone and more

/** Reports whether the window is as narrow as a phone. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const media = window.matchMedia(query);
      media.addEventListener('change', changed);
      return () => media.removeEventListener('change', changed);
    },
    () => window.matchMedia(query).matches,
  );
}
