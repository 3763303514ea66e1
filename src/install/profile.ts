// What a profile with os = "image" says of a deployment, in instance_info's words. Pure.

import type { JsonObject } from '../nodes/index.ts';

export interface ImageProfile {
  readonly image?: string | undefined;
  readonly image_checksum?: string | undefined;
  readonly image_format?: string | undefined;
  readonly first_boot?: boolean | undefined;
}

/** A path is a file of the appliance. */
export function imageInstanceInfo({
  image,
  image_checksum: checksum,
  image_format: format,
  first_boot: reports,
}: ImageProfile): JsonObject {
  return {
    ...(image === undefined ? {} : { image_source: image.startsWith('/') ? `file://${image}` : image }),
    ...(checksum === undefined ? {} : { image_checksum: checksum }),
    ...(format === undefined || format === 'auto' ? {} : { image_disk_format: format }),
    ...(reports === true ? { first_boot: true } : {}),
  };
}
