// Which release of the installer is played: some keys and headers came later than others.

/** "9.1" */
export function atLeast(release: string, wanted: string): boolean {
  const [major = 0, minor = 0] = numbersOf(release);
  const [wantedMajor = 0, wantedMinor = 0] = numbersOf(wanted);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function numbersOf(release: string): readonly number[] {
  if (!/^\d+\.\d+(\.\d+)?$/.test(release)) throw new Error(`${release} is no release`);
  return release.split('.').map(Number);
}
