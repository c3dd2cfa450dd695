"""One scene as the files of other programs, each written from that program's own conventions."""

import json

import numpy as np
import scipy.io
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from IXGSLib.formats.calibrations.rtk import write_rtk

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def matrices(views):
    return np.array([view.projection_matrix for view in views])


def text_rows(folder, views):
    path = folder / "rows.txt"
    np.savetxt(path, matrices(views).reshape(-1, 12), header="P of every shot")
    return path


def decimal_commas(folder, views):
    path = folder / "excel.csv"
    heading = ";".join(f"p{n}" for n in range(12))
    lines = [";".join(repr(float(x)).replace(".", ",") for x in P.ravel()) for P in matrices(views)]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([heading, *lines]).encode())
    return path


def utf16_with_names(folder, views):
    path = folder / "powershell.csv"
    lines = [",".join([v.id, *(repr(float(x)) for x in v.projection_matrix.ravel())]) for v in views[::-1]]
    path.write_bytes(("name" + ",p" * 12 + "\r\n" + "\r\n".join(lines)).encode("utf-16"))
    return path


def by_columns(folder, views):
    path = folder / "columns.csv"
    np.savetxt(path, matrices(views).transpose(0, 2, 1).reshape(-1, 12), delimiter=",")
    return path


def numpy_last(folder, views):
    path = folder / "last.npy"
    np.save(path, -3.5 * np.moveaxis(matrices(views), 0, 2))
    return path


def matlab_matrices(folder, views):
    path = folder / "P.mat"
    scipy.io.savemat(path, {"P": np.moveaxis(matrices(views), 0, 2)})
    return path


def npz_cameras(folder, views):
    path = folder / "cameras.npz"
    poses = np.array([view.camera_from_world for view in views])
    np.savez(path, K=views[0].K, R=poses[:, :3, :3], t=poses[:, :3, 3])
    return path


def json_cameras(folder, views):
    path = folder / "cameras.json"
    entries = [{"id": v.id, "world_from_camera": v.world_from_camera.tolist()} for v in views[::-1]]
    path.write_text(json.dumps({"K": views[0].K.tolist(), "image size": None, "views": entries}))
    return path


def matlab_cameras(folder, views):
    path = folder / "cameras.mat"
    poses = np.array([view.camera_from_world for view in views])
    rotations, translations = np.moveaxis(poses[:, :3, :3], 0, 2), poses[:, :3, 3].T
    scipy.io.savemat(path, {"camera": {"K": views[0].K, "R": rotations, "t": translations}})
    return path


def opencv_calibration(folder, views):
    """The rows of extrinsic_parameters of OpenCV's calibration sample: rotation vector, translation."""
    path = folder / "opencv.yml"
    poses = [view.camera_from_world for view in views]
    rows = [[*Rotation.from_matrix(T[:3, :3]).as_rotvec(), *T[:3, 3]] for T in poses]
    path.write_text(
        "%YAML:1.0\n---\nimage_width: 40\nimage_height: 40\nflags: 0\n"
        f"camera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   data: {wrapped(views[0].K)}\n"
        f"extrinsic_parameters: !!opencv-matrix\n   rows: {len(rows)}\n   cols: 6\n   dt: d\n   data: {wrapped(rows)}\n"
    )
    return path


def wrapped(numbers):
    words = [repr(float(x)) for x in np.ravel(numbers)]
    return "[ " + ",\n       ".join(", ".join(words[n : n + 4]) for n in range(0, len(words), 4)) + " ]"


def opencv_xml(folder, views):
    """One camera per file, as FileStorage writes XML."""
    for view in views:
        T = view.camera_from_world
        blocks = "".join(
            f'<{tag} type_id="opencv-matrix"><rows>{len(a)}</rows><cols>{a.shape[1]}</cols><dt>d</dt>\n<data>\n'
            f"{' '.join(map(repr, a.ravel().tolist()))}</data></{tag}>\n"
            for tag, a in (("K", view.K), ("R", T[:3, :3]), ("t", T[:3, 3:]))
        )
        (folder / f"{view.id}.xml").write_text(f'<?xml version="1.0"?>\n<opencv_storage>\n{blocks}</opencv_storage>\n')
    return folder


def rtk(folder, views):
    path = folder / "geometry.xml"
    write_rtk(path, views)
    return path


def cone_vectors(views, upwards):
    """Source, centre of the detector, u and v; ASTRA's own cone geometry has v upwards."""
    rows = []
    for view in views:
        (w, h), (sx, sy), R = view.size, view.pixel_spacing, view.world_from_camera[:3, :3]
        distance = view.K[0, 0] * sx
        center = view.backproject([(w - 1) / 2, (h - 1) / 2], distance)
        rows.append(np.concatenate([view.source, center, sx * R[:, 0], (-sy if upwards else sy) * R[:, 1]]))
    return np.array(rows)


def astra(folder, views):
    path = folder / "cone_vec.npy"
    np.save(path, cone_vectors(views, upwards=False))
    return path


def astra_upwards(folder, views):
    path = folder / "geometry.json"
    vectors = cone_vectors(views, upwards=True).tolist()
    path.write_text(
        json.dumps({"type": "cone_vec", "DetectorRowCount": 40, "DetectorColCount": 40, "Vectors": vectors})
    )
    return path


def zyz(view):
    """TIGRE's angles: x turns to the source, y to the columns, z upwards."""
    R = view.world_from_camera[:3, :3]
    return Rotation.from_matrix(np.column_stack([-R[:, 2], R[:, 0], -R[:, 1]])).as_euler("ZYZ")


def tigre_fields(views, order):
    view = views[0]
    return {
        "mode": "cone",
        "DSD": float(view.K[0, 0] * view.pixel_spacing[0]),
        "DSO": float(np.linalg.norm(view.source)),
        "nDetector": list(view.size)[::order],
        "dDetector": list(view.pixel_spacing)[::order],
        "offOrigin": [0, 0, 0],
        "offDetector": [0, 0],
    }


def tigre(folder, views):
    path = folder / "tigre.json"
    path.write_text(json.dumps({"geo": tigre_fields(views, -1), "angles": [zyz(view).tolist() for view in views]}))
    return path


def tigre_matlab(folder, views):
    path = folder / "tigre.mat"
    scipy.io.savemat(path, {"geo": tigre_fields(views, 1), "angles": np.array([zyz(view) for view in views]).T})
    return path


def mayacam(folder, views):
    for view in views:
        T = view.camera_from_world
        rows = ["image size", f"{view.size[0]},{view.size[1]}", "", "camera matrix"]
        rows += [",".join(f"{x:.12g}" for x in row) for row in view.K] + ["", "rotation"]
        rows += [",".join(f"{x:.12g}" for x in row) for row in T[:3, :3]] + ["", "translation"]
        (folder / f"calib_{view.id}.txt").write_text("\n".join([*rows, *(f"{x:.12g}" for x in T[:3, 3])]) + "\n")
    return folder


def vtkcam(folder, views):
    for view in views:
        angle = np.rad2deg(2 * np.arctan(view.size[1] / 2 / view.K[1, 1]))
        camera = {
            "@schema": "https://autoscoperm.slicer.org/vtkCamera-schema-1.0.json",
            "version": 1.0,
            "focal-point": (view.source + 300 * view.axis).tolist(),
            "camera-position": view.source.tolist(),
            "view-up": (-view.world_from_camera[:3, 1] + 0.3 * view.axis).tolist(),
            "view-angle": angle,
            "image-width": view.size[0],
            "image-height": view.size[1],
        }
        (folder / f"{view.id}.json").write_text(json.dumps(camera))
    return folder


def conrad(folder, views):
    path = folder / "projtable.txt"
    lines = ["projtable version 3", "Mon Jan 01 2024", "", "# format: angle / entries of projection matrices"]
    lines += [str(len(views)), ""]
    for n, P in enumerate(matrices(views), 1):
        lines += [f"@ {n}", "12.5 -3.0", *(" ".join(map(repr, row)) + " " for row in P.tolist()), ""]
    path.write_text("\n".join(lines))
    return path


def nerfstudio(folder, views):
    path = folder / "transforms.json"
    K = views[0].K
    frames = [
        {"file_path": f"images/{v.id}.png", "transform_matrix": (v.world_from_camera @ OPENGL).tolist()}
        for v in views[::-1]
    ]
    shared = {"fl_x": K[0, 0], "fl_y": K[1, 1], "cx": K[0, 2] + 0.5, "cy": K[1, 2] + 0.5, "w": 40, "h": 40}
    path.write_text(json.dumps({"camera_model": "OPENCV", **shared, "frames": frames}))
    return path


def itk(folder, views, suffix="tfm", flip=None):
    """Affine transforms about a centre of their own; `flip` turns the camera's x and y around, as Slicer does."""
    for view in views:
        T = view.camera_from_world if flip is None else flip @ view.camera_from_world
        center = np.array([10.0, -20.0, 5.0])
        transform = sitk.AffineTransform(3)
        transform.SetMatrix(T[:3, :3].ravel().tolist())
        transform.SetCenter(center.tolist())
        transform.SetTranslation((T[:3, 3] + T[:3, :3] @ center - center).tolist())
        sitk.WriteTransform(transform, str(folder / f"{view.id}.{suffix}"))
    (folder / "intrinsics.json").write_text(json.dumps({"K": views[0].K.tolist(), "size": list(views[0].size)}))
    return folder


def itk_hdf5(folder, views):
    return itk(folder, views, "h5")


def slicer(folder, views):
    """A node with the pose world_from_camera in RAS, saved by Slicer: LPS, from parent."""
    for view in views:
        node = FLIP @ view.world_from_camera
        saved = FLIP @ np.linalg.inv(node) @ FLIP
        transform = sitk.AffineTransform(saved[:3, :3].ravel().tolist(), saved[:3, 3].tolist())
        sitk.WriteTransform(transform, str(folder / f"{view.id}.mat"))
    (folder / "intrinsics.json").write_text(json.dumps({"K": views[0].K.tolist()}))
    return folder


def r2_gaussian(folder, views):
    """Images included: they are TIGRE's, the first row the lowest."""
    geometry = tigre_fields(views, -1)
    spacing = np.array(geometry.pop("dDetector"))
    scanner = geometry | {
        "sDetector": (spacing * geometry["nDetector"]).tolist(),
        "nVoxel": [9] * 3,
        "sVoxel": [90] * 3,
    }
    (folder / "proj_train").mkdir()
    shots = []
    for view in views:
        name = f"proj_train/{view.id}.npy"
        np.save(folder / name, np.random.default_rng(len(shots)).uniform(0.1, 4, view.size[::-1]).astype(np.float32))
        shots.append({"file_path": name, "angle": zyz(view).tolist()})
    (folder / "meta_data.json").write_text(
        json.dumps({"scanner": scanner, "proj_train": shots, "proj_test": shots[:2]})
    )
    return folder / "meta_data.json"


WRITERS = {
    text_rows: ("", False),
    decimal_commas: ("", False),
    utf16_with_names: ("", False),
    by_columns: ("", False),
    numpy_last: ("", False),
    matlab_matrices: ("", False),
    npz_cameras: ("", False),
    json_cameras: ("", False),
    matlab_cameras: ("", False),
    opencv_calibration: ("", False),
    opencv_xml: ("", False),
    rtk: ("", True),
    astra: ("", False),
    astra_upwards: ("", True),
    tigre: ("", True),
    tigre_matlab: ("", True),
    r2_gaussian: ("", True),
    mayacam: ("", False),
    vtkcam: ("", False),
    conrad: ("", False),
    nerfstudio: ("", False),
    itk: ("itk", False),
    itk_hdf5: ("itk", False),
    slicer: ("slicer", False),
}
"""Each writer with the format that must be stated and whether its images are stored upside down."""
