from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.errors import FormatError, GeometryError
from IXGSLib.formats.calibrations import CalibrationOptions, read_calibration
from IXGSLib.formats.calibrations.detector import Detector
from IXGSLib.formats.calibrations.rtk import matrix_of, read_rtk, read_rtk_matrices, write_rtk
from IXGSLib.geometry import View
from IXGSLib.geometry.rigid import rigid
from IXGSLib.geometry.trajectory import CArm, arc, trajectory

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
SDD = "<SourceToDetectorDistance>1000</SourceToDetectorDistance>"
SIZE = (616, 480)
SPACING = (0.4, 0.3)
POINTS = np.random.default_rng(0).uniform(-80, 80, (50, 3))
HEAD = '<?xml version="1.0"?>\n<RTKThreeDCircularGeometry version="{}">{}</RTKThreeDCircularGeometry>'


@pytest.fixture(scope="module")
def rtk():
    itk = pytest.importorskip("itk")
    try:
        return itk.RTK
    except AttributeError:
        pytest.skip("needs itk-rtk")


@pytest.fixture
def file(tmp_path):
    folder = tmp_path / "Géométrie RTK"
    folder.mkdir()
    return folder / "géo 1.xml"


def quaternion_rotation(generator):
    Q, R = np.linalg.qr(generator.normal(size=(3, 3)))
    Q = Q * np.sign(np.diag(R))
    return Q * np.sign(np.linalg.det(Q))


def generic_views(count=12, seed=0):
    """Views with any rotation, an off-centre principal point and pixels that are not square."""
    generator = np.random.default_rng(seed)
    views = []
    for n in range(count):
        R = quaternion_rotation(generator)
        sdd = generator.uniform(900, 1200)
        center = np.array(SIZE) / 2 + generator.uniform(-120, 120, 2)
        K = np.array([[sdd / SPACING[0], 0, center[0]], [0, sdd / SPACING[1], center[1]], [0, 0, 1]])
        source = -R[:, 2] * 650 + generator.uniform(-20, 20, 3)
        views.append(View(K, rigid(R, source), SIZE, f"{n:03d}", SPACING))
    return views


def special_views():
    """Exact quarter and half turns, where Euler angles run into each other."""
    K = [[2500.0, 0, 300], [0, 2500 * 4 / 3, 200], [0, 0, 1]]
    axes = np.eye(3)
    turns = [
        np.stack([s * axes[a], t * axes[b], s * t * np.cross(axes[a], axes[b])], axis=1)
        for a in range(3)
        for b in range(3)
        if a != b
        for s in (1, -1)
        for t in (1, -1)
    ]
    return [View(K, rigid(R, -600 * R[:, 2]), SIZE, f"{n:03d}", SPACING) for n, R in enumerate(turns)]


def rtk_pixels(P, detector, size):
    """(n, 2) pixels of a View where RTK's matrix puts POINTS: its own index, rows counted from the other end."""
    mm = np.column_stack([POINTS, np.ones(len(POINTS))]) @ np.asarray(P).T
    index = (mm[:, :2] / mm[:, 2:] - detector.origin) / (np.array(detector.direction) * detector.spacing)
    return np.column_stack([index[:, 0], size[1] - 1 - index[:, 1]]) if detector.upside_down else index


def itk_write(rtk, path, projections):
    geometry = rtk.ThreeDCircularProjectionGeometry.New()
    for parameters in projections:
        geometry.AddProjection(*map(float, parameters))
    writer = rtk.ThreeDCircularProjectionGeometryXMLFileWriter.New()
    writer.SetFilename(str(path))
    writer.SetObject(geometry)
    writer.WriteFile()
    return geometry


def itk_matrices(geometry, count):
    import itk

    return np.array([itk.array_from_matrix(geometry.GetMatrix(n)) for n in range(count)])


def random_projections(count=8):
    generator = np.random.default_rng(3)
    return [
        (
            generator.uniform(500, 700),
            generator.uniform(900, 1200),
            *generator.uniform((0, -40, -40), (360, 40, 40)),
            *generator.uniform(-180, 180, 2),
            *generator.uniform(-30, 30, 2),
        )
        for _ in range(count)
    ]


def test_reading_gives_the_pixels_of_rtk_itself(rtk, file):
    geometry = itk_write(rtk, file, random_projections())
    matrices = itk_matrices(geometry, 8)
    for direction in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        detector = Detector(SPACING, (-100.0, -70.0), direction)
        for P, view in zip(matrices, read_rtk(file, detector, SIZE), strict=True):
            pixels, depth = view.project(POINTS)
            assert (depth > 0).all()
            assert np.abs(pixels - rtk_pixels(P, detector, SIZE)).max() < 1e-6


@pytest.mark.parametrize("views", [generic_views(), special_views()], ids=["generic", "special"])
def test_rtk_itself_reads_what_is_written(rtk, file, views):
    detector = write_rtk(file, views)
    reader = rtk.ThreeDCircularProjectionGeometryXMLFileReader.New()
    reader.SetFilename(str(file))
    reader.GenerateOutputInformation()
    matrices = itk_matrices(reader.GetOutputObject(), len(views))
    for P, view in zip(matrices, views, strict=True):
        assert np.abs(view.project(POINTS)[0] - rtk_pixels(P, detector, SIZE)).max() < 1e-6


def test_rtk_projects_a_ball_to_the_pixel_of_its_centre(rtk, file):
    import itk

    view = replace(CArm(detector_pixels=(60, 48), detector_size=240).view(37, 20, (0, 0, 0)), id="v")
    detector = write_rtk(file, [view])
    reader = rtk.ThreeDCircularProjectionGeometryXMLFileReader.New()
    reader.SetFilename(str(file))
    reader.GenerateOutputInformation()
    ImageType = itk.Image[itk.F, 3]
    screen = rtk.ConstantImageSource[ImageType].New()
    screen.SetOrigin([*detector.origin, 0.0])
    screen.SetSpacing([*detector.spacing, 1.0])
    screen.SetSize([60, 48, 1])
    center = np.array([22.0, -31.0, 17.0])
    ball = rtk.RayEllipsoidIntersectionImageFilter[ImageType, ImageType].New()
    ball.SetInput(screen.GetOutput())
    ball.SetGeometry(reader.GetOutputObject())
    ball.SetCenter(center.tolist())
    ball.SetAxis([12.0, 12.0, 12.0])
    ball.SetDensity(1.0)
    ball.Update()
    image = itk.array_from_image(ball.GetOutput())[0, ::-1]
    rows, columns = np.mgrid[:48, :60]
    centroid = np.array([(image * columns).sum(), (image * rows).sum()]) / image.sum()
    assert np.abs(centroid - view.project(center)[0]).max() < 0.2


@pytest.mark.parametrize("views", [generic_views(), special_views()], ids=["generic", "special"])
def test_written_views_come_back(file, views):
    detector = write_rtk(file, views)
    for view, back in zip(views, read_rtk(file, detector, SIZE), strict=True):
        assert np.abs(view.project(POINTS)[0] - back.project(POINTS)[0]).max() < 1e-8
        assert np.abs(view.source - back.source).max() < 1e-8
        assert back.source_detector_distance == pytest.approx(view.source_detector_distance)


def test_matrices_alone_are_enough(file):
    views = generic_views()
    detector = write_rtk(file, views)
    expected = read_rtk_matrices(file)
    blocks = "".join(
        f"<Projection><Matrix>{' '.join(map(repr, P.ravel().tolist()))}</Matrix></Projection>" for P in expected
    )
    file.write_text(HEAD.format(3, blocks))
    assert np.array_equal(read_rtk_matrices(file), expected)
    mirrored = np.diag([-1, 1, 1]) @ expected[0]
    text = " ".join(map(repr, mirrored.ravel().tolist()))
    file.write_text(HEAD.format(3, f"<Projection><Matrix>{text}</Matrix></Projection>"))
    with pytest.raises(GeometryError, match="projection 1: a reflection"):
        read_rtk(file, detector, SIZE)


def test_parameters_hold_until_they_change(file):
    shared = f"<SourceToIsocenterDistance>600</SourceToIsocenterDistance>{SDD}"
    file.write_text(
        HEAD.format(
            2,
            f"{shared}<Projection><Angle>10</Angle><ProjectionOffsetX>5</ProjectionOffsetX></Projection>"
            "<Projection><GantryAngle>20</GantryAngle></Projection>",
        )
    )
    common = {"SourceToIsocenterDistance": 600.0, "SourceToDetectorDistance": 1000.0, "ProjectionOffsetX": 5.0}
    expected = [matrix_of(common | {"GantryAngle": angle}) for angle in (10.0, 20.0)]
    assert np.abs(read_rtk_matrices(file) - expected).max() < 1e-9


def test_a_matrix_mirrored_against_its_parameters_is_refused(file):
    view = generic_views(1)
    write_rtk(file, view)
    text = file.read_text()
    start, end = text.index("<Matrix>") + 8, text.index("</Matrix>")
    P = np.array(text[start:end].split(), dtype=float).reshape(3, 4)
    P[0] *= -1
    file.write_text(text[:start] + " ".join(map(repr, P.ravel().tolist())) + text[end:])
    with pytest.raises(GeometryError, match="differs from its parameters"):
        read_rtk_matrices(file)


def test_an_image_centred_by_default_is_centred_on_the_axis():
    detector = Detector((0.5, 0.25), direction=(-1, 1))
    A = detector.pixels_from_mm((101, 51))
    assert np.abs(A @ (0, 0, 1) - (50, 25, 1)).max() < 1e-12


def test_what_rtk_cannot_hold_is_refused(file):
    view = generic_views(1)[0]
    skewed = view.K.copy()
    skewed[0, 1] = 5.0
    wide = view.K * [[1.01], [1], [1]]
    wide[2] = (0, 0, 1)
    for K in (skewed, wide):
        with pytest.raises(GeometryError, match="cannot represent its skew or pixel aspect"):
            write_rtk(file, [replace(view, K=K)])
    with pytest.raises(GeometryError, match="no pixel spacing"):
        write_rtk(file, [replace(view, pixel_spacing=None)])
    with pytest.raises(GeometryError, match="one detector"):
        write_rtk(file, [view, replace(view, size=(100, 100))])
    assert not file.exists()


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (HEAD.format(4, ""), FormatError, "version 4, expected"),
        ("<RTKThreeDHelicalGeometry version='3'/>", FormatError, "RTKThreeDHelicalGeometry"),
        (HEAD.format(3, "")[:-9], FormatError, "incomplete XML"),
        (HEAD.format(3, ""), FormatError, "no projections"),
        (HEAD.format(3, "<Projection><GantryAngle>1,5</GantryAngle></Projection>"), FormatError, "<GantryAngle>"),
        (HEAD.format(3, "<Projection><GantryAngle>nan</GantryAngle></Projection>"), FormatError, "<GantryAngle>"),
        (HEAD.format(3, f"{SDD}<Projection><Tilt>1</Tilt></Projection>"), FormatError, "<Tilt>"),
        (HEAD.format(3, "<Projection><GantryAngle>1</GantryAngle></Projection>"), GeometryError, "parallel"),
        (HEAD.format(3, f"{SDD}<RadiusCylindricalDetector>9</RadiusCylindricalDetector>"), GeometryError, "curved"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', FormatError, "entities"),
    ],
)
def test_other_files_are_refused_by_name(file, content, error, message):
    file.write_text(content)
    with pytest.raises(error, match=message) as caught:
        read_rtk_matrices(file)
    assert file.name in str(caught.value)


@pytest.mark.parametrize(("gantry", "in_plane"), [(37, 0), (215, 10)])
def test_the_collimated_field_is_that_of_rtk_itself(rtk, file, gantry, in_plane):
    """RTK's own filter passes no pixel when there is an out-of-plane angle."""
    import itk

    size, jaws = (60, 48), (35.0, 20.0, 15.0, 40.0)
    geometry = itk_write(rtk, file, [(600, 1000, gantry, 0, 0, 0, in_plane, 0, 0)])
    geometry.SetCollimationOfLastProjection(*jaws)
    names = ("CollimationUInf", "CollimationUSup", "CollimationVInf", "CollimationVSup")
    elements = "".join(f"<{name}>{jaw}</{name}>" for name, jaw in zip(names, jaws, strict=True))
    file.write_text(file.read_text().replace("<Projection>", f"<Projection>{elements}", 1))
    ImageType = itk.Image[itk.F, 3]
    ones = rtk.ConstantImageSource[ImageType].New()
    ones.SetConstant(1.0)
    ones.SetOrigin([-118.0, -94.0, 0.0])
    ones.SetSpacing([4.0, 4.0, 1.0])
    ones.SetSize([*size, 1])
    mask = rtk.MaskCollimationImageFilter[ImageType, ImageType].New()
    mask.SetInput(ones.GetOutput())
    mask.SetGeometry(geometry)
    mask.Update()
    expected = itk.array_from_image(mask.GetOutput())[0, ::-1] > 0
    (calibrated,) = read_calibration(file, CalibrationOptions(detector=Detector((4.0, 4.0)))).views
    assert 0.1 < expected.mean() < 0.9
    assert np.array_equal(calibrated.field(calibrated.view(size, "v")), expected)


def test_collimated_pixels_are_masked(file):
    write_rtk(file, generic_views(2))
    first, rest = file.read_text().split("</Projection>", 1)
    file.write_text(first.replace("<Matrix>", "<CollimationUInf>40</CollimationUInf><Matrix>") + "</Projection>" + rest)
    views = read_calibration(file, CalibrationOptions(detector=Detector(SPACING))).views
    assert [view.field is None for view in views] == [False, False]  # RTK's elements hold until they change
    assert 0 < views[0].field(views[0].view(SIZE, "a")).mean() < 1


def test_a_c_arm_sweep_survives_the_journey(file):
    views = trajectory(CArm(), arc(10, 200, 20), (5.0, -120.0, 300.0))
    for view, back in zip(views, read_rtk(file, write_rtk(file, views), views[0].size), strict=True):
        assert np.abs(view.world_from_camera - back.world_from_camera).max() < 1e-9
