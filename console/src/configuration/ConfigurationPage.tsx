import SpaceBetween from '@cloudscape-design/components/space-between';
import { Page } from '../app/Page';
import { useTexts } from '../texts/use';
import { Profile } from './Profile';
import { TokenTable } from './TokenTable';

/** Who I am, and my tokens. */
export function ConfigurationPage() {
  const { t } = useTexts();
  return (
    <Page title={t('configuration.title')}>
      <SpaceBetween size="l">
        <Profile />
        <TokenTable />
      </SpaceBetween>
    </Page>
  );
}
