import { Box3, BoxGeometry, CatmullRomCurve3, Color, Euler, Group, Matrix4, Mesh, MeshBasicMaterial, ObjectLoader, PerspectiveCamera, Quaternion, Raycaster, Scene, SphereGeometry, Vector3 } from 'three'

export const input = { position: [1, 2, 3], target: [0, 0, -10], angle: Math.PI / 3 }

export function answer({ position, target, angle }: typeof input) {
  const round = (numbers: Iterable<number>) => [...numbers].map((n) => Number(n.toFixed(6)))
  const scene = new Scene()
  const group = new Group()
  const mesh = new Mesh(new BoxGeometry(2, 2, 2), new MeshBasicMaterial({ color: 'tomato' }))
  mesh.position.set(0, 0, -10)
  group.rotation.set(0, 0, angle)
  group.add(mesh)
  scene.add(group)
  scene.updateMatrixWorld(true)
  const camera = new PerspectiveCamera(50, 16 / 9, 0.1, 100)
  camera.position.fromArray(position)
  camera.lookAt(new Vector3().fromArray(target))
  camera.updateMatrixWorld()
  const hits = new Raycaster(camera.position, new Vector3().fromArray(target).sub(camera.position).normalize()).intersectObjects([scene], true)
  const loaded = new ObjectLoader().parse(JSON.parse(JSON.stringify(Object.assign(scene.toJSON(), { images: undefined }))))
  return {
    projected: round(new Vector3(0, 0, -10).project(camera).toArray()),
    hits: hits.map(({ distance, faceIndex }) => [distance.toFixed(5), faceIndex]),
    slerp: round(new Quaternion().setFromEuler(new Euler(1, 0.5, 0)).slerp(new Quaternion(0, 0, 0, 1), 0.5).toArray()),
    matrix: round(new Matrix4().makeRotationAxis(new Vector3(1, 1, 0).normalize(), angle).invert().elements),
    box: round(new Box3().setFromObject(group).getSize(new Vector3()).toArray()),
    curve: round(new CatmullRomCurve3([new Vector3(), new Vector3(1, 1, 0), new Vector3(2, 0, 1)]).getPointAt(0.3).toArray()),
    vertices: new SphereGeometry(1, 8, 6).getAttribute('position').count,
    color: new Color().setHSL(0.6, 0.5, 0.4).getHexString(),
    children: loaded.children.map(({ type, children }) => [type, children.length]),
  }
}
