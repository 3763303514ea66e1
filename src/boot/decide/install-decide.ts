// May a machine that is being deployed boot the installer once more? Pure. A machine never installs itself in a loop: three boots until
// its answer was served, none after that; whatever else is needed a person asks for.

export interface InstallProgress {
  /** How far it came: a name of the record's. */
  readonly stage: string;
  /** Of the installer, in this deployment. */
  readonly boots: number;
  /** Why it is over without success. */
  readonly failure: string | null;
}

export type InstallVerdict =
  | { readonly run: 'installer'; readonly reason: string }
  | { readonly run: 'own-disk'; readonly reason: string }
  /** `isBack`: it asks again, and there is nothing to go on with. Whoever knows its MAC can ask that, so it ends nothing. */
  | { readonly run: 'hold'; readonly reason: string; readonly isBack?: true };

export const INSTALLER_BOOTS_MAX = 3;

/** From `armed` on the machine may load the installer, until that has got its answer. */
const LOADING: ReadonlySet<string> = new Set(['armed', 'script', 'kernel', 'initrd', 'iso']);
const INSTALLED: ReadonlySet<string> = new Set(['installed', 'first-boot', 'reached']);

/** Null: nothing was prepared for this deployment. */
export function decideInstall(progress: InstallProgress | null): InstallVerdict {
  if (progress === null) return { run: 'hold', reason: 'it is to be installed, and no installation was prepared for it' };
  const { stage, boots, failure } = progress;
  if (stage === 'failed') return { run: 'hold', reason: `its installation has failed: ${failure ?? 'nobody said why'}` };
  if (INSTALLED.has(stage)) return { run: 'own-disk', reason: 'its installer has finished: now the new system starts' };
  if (stage === 'answered')
    return {
      run: 'hold',
      isBack: true,
      reason: 'its installer got its answer and did not report its end: it is not installed a second time by itself',
    };
  if (!LOADING.has(stage)) return { run: 'hold', reason: 'its installation is prepared, and its answer is not proven yet' };
  // What was given the script alone, and fetched nothing by it, is given that again: no installer has run.
  if (boots >= INSTALLER_BOOTS_MAX && stage !== 'script')
    return {
      run: 'hold',
      isBack: true,
      reason: `its installer was booted ${boots} times and never asked for its answer: no more until a person retries`,
    };
  return { run: 'installer', reason: `installer boot ${stage === 'script' ? boots : boots + 1} of at most ${INSTALLER_BOOTS_MAX}` };
}
