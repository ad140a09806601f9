import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import type { Paged } from '../api/paged';
import { useTexts } from '../texts/use';

/** The way to the next page, below what has arrived. */
export function More({ of }: { of: Paged<unknown> }) {
  const { t } = useTexts();
  if (!of.more) return null;
  return (
    <Box textAlign="center">
      <Button loading={of.fetching} loadingText={t('loading')} onClick={of.more}>
        {t('page.more')}
      </Button>
    </Box>
  );
}
