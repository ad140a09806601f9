import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ReactNode, useState } from 'react';
import { useTexts } from '../texts/use';

function Threshold({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="threshold">
      <div>
        <Container header={<Header variant="h1">{title}</Header>}>
          <SpaceBetween size="l">{children}</SpaceBetween>
        </Container>
      </div>
    </main>
  );
}

/** What a person sees who is not signed in. */
export function Welcome({
  signIn,
  signedOut,
  error,
}: {
  signIn(): Promise<void>;
  signedOut?: boolean;
  error?: string;
}) {
  const { t } = useTexts();
  const [going, setGoing] = useState(false);
  const [failed, setFailed] = useState(false);
  const go = () => {
    setGoing(true);
    setFailed(false);
    signIn().catch(() => {
      setGoing(false);
      setFailed(true);
    });
  };
  return (
    <Threshold title={t('product')}>
      {signedOut && <Alert type="success">{t('welcome.signedOut')}</Alert>}
      {error !== undefined && <Alert type="error">{t('welcome.error', { error })}</Alert>}
      {failed && <Alert type="error">{t('welcome.noIssuer')}</Alert>}
      <Box variant="p">{t('welcome.what')}</Box>
      <Button variant="primary" loading={going} onClick={go}>
        {signedOut ? t('welcome.signInAgain') : t('welcome.signIn')}
      </Button>
    </Threshold>
  );
}

/** What a person sees when the console cannot start. */
export function Broken({ why }: { why: string }) {
  const { t } = useTexts();
  return (
    <Threshold title={t('product')}>
      <Alert type="error" header={t('broken.title')}>
        <Box variant="p">{t('broken.what')}</Box>
        {why !== '' && <span className="code">{why}</span>}
      </Alert>
      <Button onClick={() => window.location.reload()}>{t('retry')}</Button>
    </Threshold>
  );
}
