// Image files of the appliance, as drivers ask for them. Types only.

export interface ApplianceImages {
  /** Why this file is not given to machines; null when it is. */
  refusal(path: string): string | null;
  /** Read once, and remembered while the file stays the same. Throws with the reason. */
  describe(path: string, signal: AbortSignal): Promise<{ readonly checksum: string; readonly bytes: number }>;
  /** Where its machine gets it. */
  readonly url: string;
}

export const NO_IMAGES: ApplianceImages = {
  url: '/api/agent/image',
  refusal: () => 'this appliance gives no image files to machines',
  describe: (path) => Promise.reject(new Error(`${path} is given to no machine`)),
};
