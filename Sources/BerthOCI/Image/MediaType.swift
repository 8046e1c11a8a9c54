/// The media types of image documents and layers. Sources: OCI image-spec media-types.md; Docker "Image Manifest V 2, Schema 2".
public enum MediaType {
  public static let index = "application/vnd.oci.image.index.v1+json"
  public static let manifest = "application/vnd.oci.image.manifest.v1+json"
  public static let config = "application/vnd.oci.image.config.v1+json"
  public static let layer = "application/vnd.oci.image.layer.v1.tar"
  public static let layerGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
  public static let layerZstd = "application/vnd.oci.image.layer.v1.tar+zstd"
  public static let dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json"
  public static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
  public static let dockerConfig = "application/vnd.docker.container.image.v1+json"
  public static let dockerLayer = "application/vnd.docker.image.rootfs.diff.tar"
  public static let dockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip"
  public static let dockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd"

  public static func isIndex(_ type: String) -> Bool { type == index || type == dockerIndex }
  public static func isManifest(_ type: String) -> Bool { type == manifest || type == dockerManifest }
  public static func isConfig(_ type: String) -> Bool { type == config || type == dockerConfig }
  /// A file system layer that can be unpacked. Foreign layers (`nondistributable`) are: their bytes come from the same registry or not
  /// at all, their `urls` are never fetched.
  public static func isLayer(_ type: String) -> Bool { layers.contains(type) }

  private static let layers: Set<String> = [
    layer, layerGzip, layerZstd, dockerLayer, dockerLayerGzip, dockerLayerZstd,
    "application/vnd.oci.image.layer.nondistributable.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  ]
}
