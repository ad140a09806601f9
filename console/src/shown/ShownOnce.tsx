import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import type { Issued } from '../api/change';
import { useApi } from '../api/use';
import { useLeaveGuard } from '../app/leave';
import { useTexts } from '../texts/use';
import { CodeLine } from './CodeLine';

/** What a script finds a value in: our command line reads it too. */
const VARIABLE = 'COUNTERFOIL_TOKEN';

/**
 * The value of a token, the one time that it is shown. It lives in this
 * component and its parent's state, and leaves the page with them: no address,
 * no storage and no history entry ever holds it.
 */
export function ShownOnce({ issued, done }: { issued: Issued; done(): void }) {
  const { t } = useTexts();
  const { address } = useApi();
  const [copied, setCopied] = useState(false);
  const [asking, setAsking] = useState(false);
  const [finished, setFinished] = useState(false);
  const guard = useLeaveGuard(!finished, t('leave.shown'));
  const value = issued.value.reveal();

  const top = useRef<HTMLDivElement>(null);
  useEffect(() => {
    top.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, []);

  const finish = () => {
    // The guard must be down before anybody navigates.
    flushSync(() => setFinished(true));
    done();
  };
  if (finished) return null;

  return (
    <div ref={top} tabIndex={-1} className="quiet">
      {guard}
      <Container header={<Header variant="h2">{t('shown.title')}</Header>}>
        <SpaceBetween size="l">
          <Alert type="warning">{t('shown.once')}</Alert>
          <CodeLine label={t('shown.value')} shown={value} copied={() => setCopied(true)} primary />
          <SpaceBetween size="xs">
            <Box variant="h3">{t('shown.use')}</Box>
            <CodeLine
              label={t('shown.export')}
              shown={`export ${VARIABLE}=${value.slice(0, 10)}…`}
              // The space at its start keeps the line out of most shells' history.
              copies={` export ${VARIABLE}=${value}`}
              copied={() => setCopied(true)}
            />
            <CodeLine
              label={t('shown.curl')}
              shown={`curl ${address}/whoami -H "Authorization: Bearer $${VARIABLE}"`}
            />
          </SpaceBetween>
          <Box float="right">
            <Button variant="primary" onClick={() => (copied ? finish() : setAsking(true))}>
              {t('done')}
            </Button>
          </Box>
        </SpaceBetween>
      </Container>
      <Modal
        visible={asking}
        onDismiss={() => setAsking(false)}
        header={t('shown.notCopied.title')}
        footer={
          <Box float="right">
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" onClick={finish}>
                {t('shown.notCopied.done')}
              </Button>
              <Button variant="primary" onClick={() => setAsking(false)}>
                {t('shown.notCopied.back')}
              </Button>
            </SpaceBetween>
          </Box>
        }
      >
        {t('shown.notCopied.what')}
      </Modal>
    </div>
  );
}
