import DataLoading
import Errors
import Foundation
import Models
import Reports
import Training

/// What a network gives for one picture.
struct PictureGuess {
    let picture: PictureSource.Picture
    /// By class; empty for an auto-encoder.
    let probabilities: [Float]
    let names: [String]
    /// Nil for a classifier.
    let reconstruction: (image: DecodedImage, error: Float)?

    init(_ picture: PictureSource.Picture, _ predictor: Predictor, _ names: [String]) throws {
        let values = predictor.probabilities(try predictor.outputs(picture.image.pixels))
        self.picture = picture
        self.names = names
        guard predictor.network.target == .input else {
            probabilities = values
            reconstruction = nil
            return
        }
        probabilities = []
        let image = picture.image
        // What is not a number is black.
        let pixels = values.map { $0 > 0 ? UInt8(min($0, 1) * 255 + 0.5) : 0 }
        reconstruction = (
            DecodedImage(pixels: pixels, height: image.height, width: image.width, channels: image.channels),
            ReconstructionError.of(values[...], image.pixels)
        )
    }

    /// Classes by falling probability; of equal ones the first comes first.
    private var ranking: [Int] {
        probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
    }

    struct Report: Encodable {
        let file: String
        /// Of the picture in its file.
        let index: Int
        var predictedClass: Int?
        var name: String?
        var probability: Float?
        var top: [Choice]?
        /// Of an auto-encoder: the mean of squared differences, pixels from 0 to 1.
        var reconstructionError: Float?

        struct Choice: Encodable {
            let classIndex: Int
            let name: String
            let probability: Float

            private enum CodingKeys: String, CodingKey {
                case classIndex = "class"
                case name, probability
            }
        }

        private enum CodingKeys: String, CodingKey {
            case predictedClass = "class"
            case file, index, name, probability, top, reconstructionError
        }
    }

    func report(top count: Int) -> Report {
        var report = Report(file: picture.file, index: picture.index)
        report.reconstructionError = reconstruction?.error
        guard let best = ranking.first else { return report }
        (report.predictedClass, report.name, report.probability) = (best, names[best], probabilities[best])
        report.top = ranking.prefix(count).map {
            Report.Choice(classIndex: $0, name: names[$0], probability: probabilities[$0])
        }
        return report
    }

    /// `file,index,class,name,probability,p0,p1,…`, or `file,index,error`.
    static func csv(_ guesses: [PictureGuess]) -> String {
        let classes = guesses.first?.names.indices.map { ",probability_\($0)" }.joined() ?? ""
        let isClassifier = guesses.first?.reconstruction == nil
        let head = isClassifier ? "file,index,class,name,probability\(classes)" : "file,index,error"
        return
            ([head]
            + guesses.map { guess in
                let start = "\(Text.csvField(guess.picture.file)),\(guess.picture.index)"
                guard let best = guess.ranking.first else { return "\(start),\(guess.reconstruction?.error ?? .nan)" }
                return "\(start),\(best),\(Text.csvField(guess.names[best])),\(guess.probabilities[best])"
                    + guess.probabilities.map { ",\($0)" }.joined()
            }).joined(separator: "\n")
    }

    var captionedPictures: [(caption: String, image: DecodedImage)] {
        guard let reconstruction else { return [(picture.caption, picture.image)] }
        return [(picture.caption, picture.image), ("reconstruction", reconstruction.image)]
    }

    /// `seven.png: 7 99.82 %, 1 0.11 %, 9 0.03 %`
    func line(top count: Int, _ terminal: Terminal) -> String {
        if let reconstruction {
            return "\(picture.title): mean squared error \(terminal.bold(Text.fixed(Double(reconstruction.error), 6)))"
        }
        let choices = ranking.prefix(count).enumerated().map { place, index in
            let text = "\(names[index]) \(Text.percent(Double(probabilities[index])))"
            return place == 0 ? terminal.bold(text) : text
        }
        return "\(picture.title): \(choices.joined(separator: ", "))"
    }
}

extension CheckpointLocation {
    /// Those of the run's data, where they are there; else numbers.
    func classNames(count: Int) -> [String] {
        let names = (try? runOptions?.sharedDataset.load().classNames) ?? []
        return names.count == count ? names : (0..<count).map(String.init)
    }
}
