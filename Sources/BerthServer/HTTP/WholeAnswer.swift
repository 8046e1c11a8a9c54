import BerthCore
import NIOCore

/// What is about to be sent.
enum ReadyAnswer {
  case whole(WholeAnswer)
  /// Made as it is sent.
  case streamed(APIResponse)

  init(_ response: APIResponse) {
    self = WholeAnswer(response).map { .whole($0) } ?? .streamed(response)
  }
}

/// An answer that is encoded before its first byte is sent.
struct WholeAnswer {
  private static let pieceSize = 64 << 10

  let status: Int
  let type: String
  let bytes: ByteBuffer

  private init(status: Int, type: String, bytes: ByteBuffer) {
    self.status = status
    self.type = type
    self.bytes = bytes
  }

  /// nil for one that is made as it is sent.
  init?(_ response: APIResponse) {
    switch response.body {
    case .json(let value):
      self.init(status: response.status, type: "application/json", bytes: ByteBuffer(bytes: value.encoded() + [10]))
    case .text(let text): self.init(status: response.status, type: "text/plain; charset=utf-8", bytes: ByteBuffer(string: text))
    case .lines, .bytes, .stream, .upload: return nil
    }
  }

  /// In the place of one that there is no room for.
  static var refused: WholeAnswer {
    let error = BerthError(.resourceExhausted, "serve", cause: "too many large answers wait for their clients; try again")
    return WholeAnswer(
      status: error.code.httpStatus, type: "application/json",
      bytes: ByteBuffer(bytes: (["error": APIResponse.json(of: error)] as JSON).encoded() + [10]))
  }

  /// Each of them sent is progress. They share their bytes.
  var pieces: [ByteBuffer] {
    stride(from: 0, to: bytes.readableBytes, by: Self.pieceSize).compactMap { start in
      bytes.getSlice(at: bytes.readerIndex + start, length: min(Self.pieceSize, bytes.readableBytes - start))
    }
  }
}
