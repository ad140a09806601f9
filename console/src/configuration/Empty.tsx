import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useGo } from '../app/go';
import { useTexts } from '../texts/use';

/** What somebody sees who has no tokens yet: what they are for, and one button. */
export function NoTokens() {
  const { t } = useTexts();
  const go = useGo();
  return (
    <Box textAlign="center" padding={{ vertical: 'l' }}>
      <SpaceBetween size="m">
        <Box variant="h3" tagOverride="p">
          {t('empty.title')}
        </Box>
        <div className="read">
          <Box variant="p" color="text-body-secondary">
            {t('empty.what')}
          </Box>
          <Box variant="p" color="text-body-secondary">
            {t('empty.how')}
          </Box>
        </div>
        <Button variant="primary" {...go('/tokens/new')}>
          {t('create')}
        </Button>
      </SpaceBetween>
    </Box>
  );
}

/** What the table shows when there are tokens, but none of these. */
export function NoMatch({ clear }: { clear(): void }) {
  const { t } = useTexts();
  return (
    <Box textAlign="center" padding={{ vertical: 'l' }}>
      <SpaceBetween size="m">
        <Box variant="p" color="text-body-secondary">
          {t('noMatch')}
        </Box>
        <Button onClick={clear}>{t('noMatch.clear')}</Button>
      </SpaceBetween>
    </Box>
  );
}
