// May a machine that is being deployed boot the installer once more? Pure. A machine never installs itself in a loop: three boots until
// its answer was served, none after that; whatever else is needed a person asks for.

export interface InstallProgress {
  /** Of this deployment. */
  readonly boots: number;
  readonly answerServed: boolean;
  readonly done: boolean;
}

export type InstallVerdict =
  | { readonly run: 'installer'; readonly reason: string }
  | { readonly run: 'own-disk'; readonly reason: string }
  | { readonly run: 'hold'; readonly reason: string };

export const INSTALLER_BOOTS_MAX = 3;

export const NOT_BEGUN: InstallProgress = { boots: 0, answerServed: false, done: false };

export function decideInstall({ boots, answerServed, done }: InstallProgress, hasInstaller: boolean): InstallVerdict {
  if (done) return { run: 'own-disk', reason: 'its installer has finished: first start of the new system' };
  if (answerServed)
    return { run: 'hold', reason: 'its installer got its answer and did not report back: it is not installed a second time by itself' };
  if (boots >= INSTALLER_BOOTS_MAX)
    return {
      run: 'hold',
      reason: `its installer was booted ${boots} times and never asked for its answer: no more until a person retries`,
    };
  if (!hasInstaller) return { run: 'hold', reason: 'it is to be installed, and no installer has been imported yet' };
  return { run: 'installer', reason: `installer boot ${boots + 1} of at most ${INSTALLER_BOOTS_MAX}` };
}
