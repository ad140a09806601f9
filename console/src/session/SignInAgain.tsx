import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState, useSyncExternalStore } from 'react';
import { useTexts } from '../texts/use';
import type { Session } from './session';

/** Asks a person to sign in again, over the page as it is: nothing typed is lost. */
export function SignInAgain({ session }: { session: Session }) {
  const { t } = useTexts();
  const lapse = useSyncExternalStore(session.subscribe, () => session.lapse);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);

  const signIn = async () => {
    setBusy(true);
    setFailed(false);
    try {
      if ((await session.popup()) === 'somebody-else') window.location.assign('/');
    } catch {
      setFailed(true);
    } finally {
      setBusy(false);
    }
  };
  const dismiss = () => {
    setFailed(false);
    session.dismiss();
  };

  return (
    <Modal
      visible={lapse !== null}
      onDismiss={dismiss}
      header={lapse?.reason === 'recent' ? t('lapse.recent.title') : t('lapse.ended.title')}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={dismiss}>
              {t('lapse.later')}
            </Button>
            <Button variant="primary" loading={busy} onClick={signIn}>
              {t('lapse.signIn')}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box variant="p">{lapse?.reason === 'recent' ? t('lapse.recent.what') : t('lapse.ended.what')}</Box>
        {failed && <Alert type="error">{t('lapse.failed')}</Alert>}
      </SpaceBetween>
    </Modal>
  );
}
