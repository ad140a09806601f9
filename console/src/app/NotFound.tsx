import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import { useTexts } from '../texts/use';
import { PageLink } from './go';
import { Page } from './Page';

/** The page of an address that is none of ours. */
export function NotFound() {
  const { t } = useTexts();
  return (
    <Page title={t('notFound.title')}>
      <Alert type="info">
        {t('notFound.what')} <PageLink to="/configuration">{t('configuration.title')}</PageLink>
      </Alert>
    </Page>
  );
}

/** What is left when a page of ours breaks. */
export function Crashed() {
  const { t } = useTexts();
  return (
    <Page title={t('product')}>
      <Alert
        type="error"
        header={t('crashed.title')}
        action={<Button onClick={() => window.location.reload()}>{t('reload')}</Button>}
      >
        {t('crashed.what')}
      </Alert>
    </Page>
  );
}
