//! HSLuv to sRGB: hues of equal lightness look equally bright, which plain HSL hues do not.
//! Pure arithmetic after the definition at hsluv.org.

/// Rows of the matrix from CIE XYZ (D65) to linear sRGB.
const XYZ_TO_RGB: [[f64; 3]; 3] = [
    [3.240_969_941_904_521, -1.537_383_177_570_093, -0.498_610_760_293],
    [-0.969_243_636_280_87, 1.875_967_501_507_72, 0.041_555_057_407_175],
    [0.055_630_079_696_993, -0.203_976_958_888_97, 1.056_971_514_242_878],
];
/// Chromaticity of the white point D65.
const WHITE_UV: (f64, f64) = (0.197_830_006_642_83, 0.468_319_994_938_79);
/// Constants of CIE L*: the slope near black, and where it ends.
const KAPPA: f64 = 903.296_296_2;
const EPSILON: f64 = 0.008_856_451_6;

/// sRGB channels from 0 to 1. Hue in degrees, saturation and lightness from 0 to 100.
pub(super) fn to_rgb(hue_degrees: f64, saturation: f64, lightness: f64) -> [f64; 3] {
    if lightness <= 0.0 {
        return [0.0; 3];
    }
    if lightness >= 100.0 {
        return [1.0; 3];
    }
    let hue = hue_degrees.to_radians();
    let chroma = chroma_max(lightness, hue) * saturation / 100.0;
    let (u, v) = (chroma * hue.cos(), chroma * hue.sin());
    let (u, v) = (u / (13.0 * lightness) + WHITE_UV.0, v / (13.0 * lightness) + WHITE_UV.1);
    let y = luminance(lightness);
    let x = 9.0 * y * u / (4.0 * v);
    let z = (9.0 * y - 15.0 * v * y - v * x) / (3.0 * v);
    XYZ_TO_RGB.map(|row| gamma(row[0] * x + row[1] * y + row[2] * z))
}

/// The largest chroma that sRGB can show: the nearest of the six lines that bound it.
fn chroma_max(lightness: f64, hue: f64) -> f64 {
    let cubed = (lightness + 16.0).powi(3) / 1_560_896.0;
    let scale = if cubed > EPSILON { cubed } else { lightness / KAPPA };
    let mut nearest = f64::MAX;
    for [m1, m2, m3] in XYZ_TO_RGB {
        for limit in [0.0, 1.0] {
            let rise = (284_517.0 * m1 - 94_839.0 * m3) * scale;
            let offset = (838_422.0 * m3 + 769_860.0 * m2 + 731_718.0 * m1) * lightness * scale
                - 769_860.0 * limit * lightness;
            let run = (632_260.0 * m3 - 126_452.0 * m2) * scale + 126_452.0 * limit;
            let length = (offset / run) / (hue.sin() - rise / run * hue.cos());
            if length >= 0.0 {
                nearest = nearest.min(length);
            }
        }
    }
    nearest
}

fn luminance(lightness: f64) -> f64 {
    if lightness > 8.0 { ((lightness + 16.0) / 116.0).powi(3) } else { lightness / KAPPA }
}

fn gamma(linear: f64) -> f64 {
    let channel =
        if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
    channel.clamp(0.0, 1.0)
}
