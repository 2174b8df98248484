"""The 70 face points that OpenPose gives, found among the 478 of MediaPipe's face mesh."""

from __future__ import annotations

# Standard 68-point order (iBUG, Sagonas et al. 2013; dlib), then the pupils, as OpenPose's face model has them.
# "Right" and "left" are the person's own; right comes first, and lies on the picture's left.
# The mesh has a point at almost every place of the 68. Along the jaw it has more, so that those are taken which cut the
# line from the eye's height to the chin into even parts.
FACE70: tuple[int, ...] = (
    *(127, 234, 132, 58, 172, 136, 149, 148),  # 0-7    jaw, from beside the right eye down
    152,  #                                      8      chin
    *(377, 378, 365, 397, 288, 361, 454, 356),  # 9-16   jaw, up to beside the left eye
    *(70, 63, 105, 66, 107),  #                  17-21  right brow, from its outer end
    *(336, 296, 334, 293, 300),  #               22-26  left brow, from its inner end
    *(168, 197, 5, 4),  #                        27-30  bridge of the nose, down to the tip
    *(98, 97, 2, 326, 327),  #                   31-35  under the nose, from right to left
    *(33, 160, 158, 133, 153, 144),  #           36-41  right eye: outer corner, upper lid, inner corner, lower lid
    *(362, 385, 387, 263, 373, 380),  #          42-47  left eye: inner corner, upper lid, outer corner, lower lid
    *(61, 39, 37, 0, 267, 269),  #               48-53  outer lips: right corner, upper lip
    *(291, 405, 314, 17, 84, 181),  #            54-59  outer lips: left corner, lower lip
    *(78, 82, 13, 312),  #                       60-63  inner lips: right corner, upper lip
    *(308, 317, 14, 87),  #                      64-67  inner lips: left corner, lower lip
    *(468, 473),  #                              68, 69 right and left pupil: centres of the irises
)
