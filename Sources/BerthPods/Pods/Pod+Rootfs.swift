import BerthCore
import BerthImages
import BerthLinux
import BerthRuntime

extension Pod {
  /// What a container is to run on, made now.
  func rootfs(of image: Image, key: String) async throws(BerthError) -> RootfsSource {
    let images = context.images
    let snapshot =
      switch images.snapshotter.kind {
      // Three directories: done before another thread could be asked.
      case .overlay: try Self.freshSnapshot(images, image, key)
      case .copy: try await Self.onThread { () throws(BerthError) in try Self.freshSnapshot(images, image, key) }
      }
    return switch snapshot {
    case .overlay(let lower, let upper, let work): .overlay(lower: lower, upper: upper, work: work)
    case .directory(let path): .directory(path)
    }
  }

  /// One that is there already belongs to a daemon that died before it could ask the shim for this attempt: nothing ever ran on it.
  private static func freshSnapshot(_ images: ImageService, _ image: Image, _ key: String) throws(BerthError) -> SnapshotMount {
    do throws(BerthError) { return try images.prepareSnapshot(for: image, key: key) } catch {
      guard error.code == .alreadyExists else { throw error }
      try images.removeSnapshot(key: key)
      return try images.prepareSnapshot(for: image, key: key)
    }
  }

  /// A copy takes as long as an image is large, and the threads that pods share are few.
  private static func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws(BerthError) -> Value
  ) async throws(BerthError) -> Value {
    let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, BerthError>, Never>) in
      Threads.start("berth-copy") {
        do throws(BerthError) { continuation.resume(returning: .success(try body())) } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }
}
